import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { root } from '../_app.ts'
import { findFreePort } from '../_postgres.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { buildImage, type Image, parseDockerignore, rewrite } from './_dockerfile.ts'

const execute = promisify(execFile)

/** The limit of the README for the memory of a gateway with an embedded database, in MiB. */
const memory = 512

// On the disk of the packages, because hard links need one file system.
const work = await mkdtemp(join(tmpdir(), 'claimgate-image-'))
let image: Image

test.before(async (t) => {
  t.timeout(240_000)
  image = await buildImage(fileURLToPath(root), work)
  // Another user needs access to the folder of the image.
  await chmod(work, 0o755)
})
test.after.always(() => rm(work, { recursive: true, force: true }))

test('the image of the Dockerfile starts, serves, is healthy and stops, as another user and with read-only files', async (t) => {
  t.timeout(120_000)
  await execute('chmod', ['-R', 'a-w', join(image.folder, 'app')])
  t.is(image.user, '1000:1000')

  const gateway = await startContainer(t, image)
  const { token } = await post(gateway.url, '/signup', {
    username: 'anna',
    password: 'correct horse',
    confirmPassword: 'correct horse',
  })
  const answer = await fetch(`${gateway.url}/webhook`, { headers: { Authorization: `Bearer ${token}` } })
  t.like(await answer.json(), { 'X-Hasura-Role': 'user' })
  const page = await fetch(`${gateway.url}/signin`, { headers: { Accept: 'text/html' } })
  t.is(page.status, 200)
  t.is(await exitCode(image, image.healthcheck, gateway.env), 0)
  if (process.platform === 'linux') t.true((await peakOf(gateway.pid)) < memory)
  t.is(await gateway.stop(), 0)
  t.is(await exitCode(image, image.healthcheck, gateway.env), 1)

  // The command runs by its name on the data of the stopped container.
  t.is(await exitCode(image, ['claimgate', 'role', 'create', 'editor'], gateway.env), 0)
  t.is(await exitCode(image, ['claimgate', 'role', 'grant', 'anna', 'editor'], gateway.env), 0)
  await t.throwsAsync(exitCode(image, ['claimgate', 'role', 'grant', 'nobody', 'editor'], gateway.env), {
    message: /nobody/,
  })
})

test.serial(
  'the image has no tests, no development packages and no files that are never loaded',
  async (t) => {
    t.deepEqual((await readdir(join(image.folder, 'app/dist'))).sort(), [
      'bundles',
      'providers',
      'snapshot',
      'src',
    ])
    const packages = await readdir(join(image.folder, 'app/node_modules'), { recursive: true })
    t.deepEqual(
      packages.filter((path) =>
        /\.map$|\.d\.ts$|^(typescript|prisma|esbuild|hasura-metadata-types|ava|@biomejs\/biome)$/.test(path),
      ),
      [],
    )
    t.deepEqual(
      packages.filter((path) => /query_compiler_.*wasm/.test(path)),
      ['@prisma/client/runtime/query_compiler_small_bg.postgresql.wasm-base64.mjs'],
    )
  },
)

test('the build context has the files that the Dockerfile copies, without secrets and data of the same folders', async (t) => {
  const isIgnored = parseDockerignore(await readFile(new URL('.dockerignore', root), 'utf8'))
  const kept = [
    'package.json',
    'src/main.ts',
    'providers/local.ts',
    'prisma/migrations/0001_init/migration.sql',
  ]
  t.deepEqual(kept.filter(isIgnored), [])
  const secrets = [
    '.env',
    'providers/.env',
    'src/.env.local',
    'private.pem',
    'prisma/dump.sql.gz',
    'src/a.dump',
  ]
  const data = ['data/secret', 'node_modules/koa/index.js', 'prisma/data/secret', '.git/config', 'dist/x.js']
  t.deepEqual(
    [...secrets, ...data].filter((path) => !isIgnored(path)),
    [],
  )
})

type Container = { url: string; pid: number; env: Record<string, string>; stop(): Promise<number | null> }

/** Starts the command of the image with its variables, as its user if possible. */
async function startContainer(t: ExecutionContext, image: Image): Promise<Container> {
  const env = {
    ...environment(image),
    PORT: String(await findFreePort()),
    HOST: '127.0.0.1',
    AUTH_BCRYPT_COST: '4',
  }
  const [command = '', ...args] = image.command.map((word) => rewrite(image, word))
  const child = spawn(command, args, {
    cwd: join(image.folder, image.workdir),
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...identity(image),
  })
  t.teardown(() => void child.kill('SIGKILL'))
  const ended = once(child, 'exit') as Promise<[number | null]>
  let output = ''
  await new Promise<void>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      output += chunk
      if (/ listens on /.test(output)) resolve()
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    ended.then(() => reject(new Error(output)), reject)
  })
  return {
    url: `http://127.0.0.1:${env.PORT}`,
    pid: child.pid as number,
    env,
    stop: async () => {
      child.kill('SIGTERM')
      return (await ended)[0]
    },
  }
}

/** Runs a command of the container and returns its exit code, 0 or 1. Throws its standard error. */
async function exitCode(image: Image, command: string[], env: Record<string, string>): Promise<number> {
  const [name = '', ...args] = command
  return execute(name, args, { cwd: join(image.folder, image.workdir), env, ...identity(image) }).then(
    () => 0,
    ({ code, stderr }) => {
      if (stderr) throw new Error(String(stderr))
      return code
    },
  )
}

function environment(image: Image): Record<string, string> {
  const env = Object.fromEntries(
    Object.entries(image.env).map(([key, value]) => [key, rewrite(image, value)]),
  )
  return { ...env, PATH: `${image.folder}/usr/local/bin:${dirname(process.execPath)}:${process.env.PATH}` }
}

/** Returns the user of the image if root runs the tests and that user can run this Node; else the current user. */
function identity({ user }: Image): { uid?: number; gid?: number } {
  const [uid = 0, gid = 0] = user.split(':').map(Number)
  if (process.getuid?.() !== 0) return {}
  return spawnSync(process.execPath, ['--version'], { uid, gid, cwd: '/' }).status === 0 ? { uid, gid } : {}
}

async function peakOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024
}

async function post(url: string, path: string, body: object): Promise<{ token: string }> {
  const headers = { 'Content-Type': 'application/json' }
  const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
  if (!response.ok) throw new Error(await response.text())
  return (await response.json()) as { token: string }
}
