import { readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { root } from '../_app.ts'
import { packagesOf, readLoaded } from '../_loaded.ts'
import test from '../_test.ts'
import { createFolder } from '../database/_databases.ts'
import { runCommand } from './_command.ts'

/** The files of the command, and the files with names and errors that it shares with the gateway. */
const ours =
  /^src\/(cli\/[\w-]+|errors|root|observability\/terminal-text|hasura\/metadata-request|import\/(problems|source-names)|database\/(explain|failures|version))\.[jt]s$/
const mostFiles = 27

for (const line of [
  '--version',
  '--help',
  'user create --help',
  'keys import --help',
  'hasura apply --help',
  'import --help',
  'usr list',
]) {
  test(`claimgate ${line} loads no code of the gateway, and of packages commander alone`, async (t) => {
    const cwd = await createFolder(t)
    const coverage = join(cwd, 'coverage')
    const { code } = await runCommand(line.split(' '), cwd, { env: { NODE_V8_COVERAGE: coverage } })
    t.is(code, line === 'usr list' ? 64 : 0)
    const urls = await readLoaded(coverage)
    const own = urls
      .filter((url) => !url.includes('/node_modules/'))
      .map((url) => url.replace(/.*\/(?=src\/)/, ''))
    t.log(`${own.length} files`)
    t.deepEqual([...packagesOf(urls)], ['commander'])
    t.true(own.includes('src/cli/main.js'))
    t.true(own.length <= mostFiles)
    t.deepEqual(
      own.filter((path) => !ours.test(path)),
      [],
    )
  })
}

test('the help of no command can load more: what main.ts imports, and all that these files import', (t) => {
  const found = new Set(['src/cli/main.ts'])
  const packages = new Set<string>()
  for (const path of found) {
    const text = readFileSync(new URL(path, root), 'utf8')
    for (const [statement, name = ''] of text.matchAll(/^(?:import|export)\b[^'"()=]*'([^']+)'/gm)) {
      const isType = /^(?:import|export) type\b/.test(statement)
      if (!isType && name.startsWith('.')) found.add(posix.join(posix.dirname(path), name))
      else if (!isType && !name.startsWith('node:')) packages.add(name)
    }
  }
  t.deepEqual([...packages], ['commander'])
  t.true(found.size > 10 && found.size <= mostFiles)
  t.deepEqual(
    [...found].filter((path) => !ours.test(path)),
    [],
  )
})
