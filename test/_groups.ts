import { readdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const folder = new URL('./', import.meta.url)

/** Files that need a worker of their own, because they change or observe what a whole worker shares. */
const alone = ['authentication/password-gate', 'observability/tracing']

/**
 * Writes one file for each folder of tests, which runs the tests of the folder in one worker. Returns the paths that
 * AVA runs, relative to the project; the folder with the most tests comes first.
 */
export async function writeGroups(): Promise<string[]> {
  const groups = new Map<string, string[]>()
  for (const name of await findNames()) {
    const group = name.includes('/') && !alone.includes(name) ? (name.split('/')[0] ?? '') : `${name}.test`
    groups.set(group, [...(groups.get(group) ?? []), name])
  }
  for (const [group, paths] of groups) {
    if (!group.endsWith('.test'))
      await writeFile(fileURLToPath(new URL(`${group}.js`, folder)), entryOf(paths))
  }
  const bySize = [...groups].sort(([, some], [, others]) => others.length - some.length)
  return bySize.map(([group]) => `dist/test/${group}.js`)
}

/** The paths of the test files that repeat more in a long run: they import `_rounds`, or a helper that does. */
export async function findLong(): Promise<string[]> {
  const found: string[] = []
  for (const name of await findNames()) {
    const text = await readFile(new URL(`${name}.test.js`, folder), 'utf8')
    if (/from '[./]*_(rounds|kill)\.js'/.test(text)) found.push(`dist/test/${name}.test.js`)
  }
  return found
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
