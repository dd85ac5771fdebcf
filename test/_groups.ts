import { readdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const folder = new URL('./', import.meta.url)

/** Files that need a worker of their own, because they change or observe what a whole worker shares. */
const alone = ['observability/tracing', 'stores/plans']

/** Folders whose files share a worker: each worker takes a second to load the modules, and the browser is shared too. */
const together = [
  ['bench', 'claims', 'config', 'deploy', 'doctor', 'limits', 'providers', 'stores', 'tokens'],
  ['database', 'import', 'migrations', 'observability'],
  ['endpoints', 'sessions'],
  ['examples', 'pages', 'reference'],
]

/**
 * Writes one file for each group of tests, which runs the tests of its folders in one worker. Returns the paths that
 * AVA runs, relative to the project; the slowest groups come first. With `folders`, only the tests of these folders run.
 */
export async function writeGroups(folders: readonly string[] = []): Promise<string[]> {
  const groups = new Map<string, string[]>()
  const names = await findNames()
  for (const folder of folders)
    if (!names.some((name) => name.startsWith(`${folder}/`)))
      throw new Error(`No folder ${folder} has tests.`)
  for (const name of names) {
    if (folders.length > 0 && !folders.some((folder) => name.startsWith(`${folder}/`))) continue
    const group = alone.includes(name) ? `${name}.test` : groupOf(name)
    groups.set(group, [...(groups.get(group) ?? []), name])
  }
  for (const [group, paths] of groups) {
    if (!group.endsWith('.test'))
      await writeFile(fileURLToPath(new URL(`${group}.js`, folder)), entryOf(paths))
  }
  const ordered = [...groups.keys()].sort((one, other) => weightOf(other) - weightOf(one))
  return ordered.map((group) => `dist/test/${group}.js`)
}

/** The paths of the test files that do more in a long run: they import `_rounds` or `_kill`, or name `enginesOfRun`. */
export async function findLong(): Promise<string[]> {
  const found: string[] = []
  for (const name of await findNames()) {
    const text = await readFile(new URL(`${name}.test.js`, folder), 'utf8')
    if (/from '[./]*_(rounds|kill)\.js'|enginesOfRun/.test(text)) found.push(`dist/test/${name}.test.js`)
  }
  return found
}

/** The slowest groups, which start first, so that the two workers end at about the same time. */
const slowest = ['process', 'examples-pages-reference', 'cli', 'authentication']

const weightOf = (group: string) => (slowest.includes(group) ? slowest.length - slowest.indexOf(group) : 0)

/** The name of the group of a test file: its folder, several folders, or `top` for the files that mirror no folder. */
function groupOf(name: string): string {
  const [folder, file] = name.split('/')
  if (folder === undefined || file === undefined) return 'top'
  return together.find((folders) => folders.includes(folder))?.join('-') ?? folder
}

/** The names of all test files, relative to this folder. */
async function findNames(): Promise<string[]> {
  const names = await readdir(folder, { recursive: true })
  return names
    .filter((name) => name.endsWith('.test.js'))
    .map((name) => name.replaceAll('\\', '/').replace('.test.js', ''))
    .sort()
}

const entryOf = (paths: readonly string[]) =>
  `import { runGroup } from './_group.js'\nawait runGroup(${JSON.stringify(paths)})\n`
