import { execFile } from 'node:child_process'
import { copyFile, cp, mkdir, readFile, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'

const execute = promisify(execFile)

type Instruction = { name: string; text: string }

/** The settings of the last stage of a Dockerfile for its containers. */
export type Image = {
  /** The folder in place of `/` of the image. */
  folder: string
  workdir: string
  env: Record<string, string>
  user: string
  command: string[]
  healthcheck: string[]
}

/** The folders of an image that the build writes to. Their paths are rewritten to folders of the stage. */
const imagePaths = /(?<![\w./-])\/(?=(?:app|data|usr\/local\/bin)\b)/g

/**
 * Builds the stages of `Dockerfile` in folders below `work`, without an engine. COPY copies the files that
 * `.dockerignore` does not exclude. RUN runs in a shell with rewritten paths. `FROM` creates an empty folder, because
 * Node comes from this machine. `npm ci` links the packages that are installed in `root`.
 */
export async function buildImage(root: string, work: string): Promise<Image> {
  const instructions = parseDockerfile(await readFile(join(root, 'Dockerfile'), 'utf8'))
  const context = join(work, 'context')
  await copyContext(root, context)
  const stages = new Map<string, Image>()
  let image: Image | undefined
  for (const { name, text } of instructions) {
    if (name === 'FROM') {
      const [base = '', , alias = `stage${stages.size}`] = text.split(' ')
      image = await startStage(join(work, 'stages', alias), stages.get(base))
      stages.set(alias, image)
      continue
    }
    if (!image) throw new Error(`${name} comes before FROM`)
    await follow(image, name, text)
  }
  if (!image) throw new Error('no stage')
  return image

  async function follow(stage: Image, name: string, text: string): Promise<void> {
    const inStage = (path: string) => join(stage.folder, resolve(stage.workdir, path))
    if (name === 'WORKDIR') {
      stage.workdir = text
      await mkdir(inStage('.'), { recursive: true })
    } else if (name === 'ENV') {
      for (const [, key = '', value = ''] of text.matchAll(/(\w+)=(\S+)/g)) stage.env[key] = value
    } else if (name === 'COPY') {
      const [, from] = /^--from=(\S+) /.exec(text) ?? []
      const paths = text.replace(/^--from=\S+ /, '').split(' ')
      const target = paths.pop() as string
      for (const path of paths) {
        const source = from ? join(stages.get(from)?.folder as string, path) : join(context, path)
        const isFolder = target.endsWith('/')
        await linkTree(source, isFolder ? join(inStage(target), path.replace(/^.*\//, '')) : inStage(target))
      }
    } else if (name === 'RUN') {
      if (/^npm ci\b/.test(text)) await linkPackages(join(root, 'node_modules'), inStage('node_modules'))
      else await runInStage(stage, text, inStage('.'))
    } else if (name === 'USER') stage.user = text
    else if (name === 'ENTRYPOINT' || name === 'CMD') stage.command.push(...JSON.parse(text))
    else if (name === 'HEALTHCHECK') stage.healthcheck = JSON.parse(text.replace(/^.*CMD /, ''))
    else if (!['EXPOSE', 'STOPSIGNAL'].includes(name))
      throw new Error(`${name} is not supported by this test`)
  }
}

/** Rewrites the paths of the image in a command or a value to paths of its folder. */
export const rewrite = ({ folder }: Image, text: string): string => text.replace(imagePaths, `${folder}/`)

async function runInStage(stage: Image, text: string, cwd: string): Promise<void> {
  // Only root may change the owner of a file.
  const commands = process.getuid?.() === 0 ? text : text.replace(/chown \S+ \S+/g, 'true')
  await mkdir(join(stage.folder, 'usr/local/bin'), { recursive: true })
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, ...stage.env }
  await execute('/bin/sh', ['-ec', rewrite(stage, commands)], { cwd, env })
}

/** Returns the folder of a stage. A stage on another stage continues in the folder of the other one. */
async function startStage(folder: string, base: Image | undefined): Promise<Image> {
  if (base) return { ...base, env: { ...base.env } }
  await mkdir(folder, { recursive: true })
  return { folder, workdir: '/', env: {}, user: '0:0', command: [], healthcheck: [] }
}

function parseDockerfile(text: string): Instruction[] {
  return text
    .replace(/^#.*\n/gm, '')
    .replace(/\s*\\\n\s*/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name = '', rest = ''] = /^(\w+)\s+(.*)$/.exec(line) ?? []
      return { name, text: rest.trim() }
    })
}

/** Copies the files of `root` that `.dockerignore` does not exclude. */
async function copyContext(root: string, context: string): Promise<void> {
  const isIgnored = parseDockerignore(await readFile(join(root, '.dockerignore'), 'utf8'))
  await cp(root, context, {
    recursive: true,
    filter: async (source) => {
      const path = source.slice(root.length).replace(/^\//, '')
      return path === '' || !isIgnored(path)
    },
  })
}

/** Applies Docker's rules: the last pattern that matches the path or a folder above it decides. */
export function parseDockerignore(text: string): (path: string) => boolean {
  const rules = text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const pattern = line.replace(/^!/, '').replace(/[.+^${}()|[\]\\]/g, '\\$&')
      const source = pattern.replace(/\*\*\/|\*/g, (stars) => (stars === '*' ? '[^/]*' : '(?:.*/)?'))
      return { ignores: !line.startsWith('!'), matches: new RegExp(`^${source}(?:/|$)`) }
    })
  return (path) => rules.findLast(({ matches }) => matches.test(path))?.ignores ?? false
}

/** Links the packages, and copies npm's list of packages, which npm overwrites in place. */
async function linkPackages(source: string, target: string): Promise<void> {
  await linkTree(source, target)
  const list = join(target, '.package-lock.json')
  await rm(list)
  await copyFile(join(source, '.package-lock.json'), list)
}

/** Copies a file or folder, by hard links where the file system allows. */
async function linkTree(source: string, target: string): Promise<void> {
  const isFolder = (await stat(source)).isDirectory()
  await mkdir(isFolder ? target : dirname(target), { recursive: true })
  const from = isFolder ? `${source}/.` : source
  await execute('cp', ['-al', from, target]).catch(() => execute('cp', ['-a', from, target]))
}
