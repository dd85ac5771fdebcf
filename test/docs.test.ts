import { readdir, readFile } from 'node:fs/promises'
import test from 'ava'
import type { Command } from 'commander'
import { parse, validate } from 'graphql'
import { createContext } from '../src/cli/context.ts'
import { createProgram } from '../src/cli/program.ts'
import { parseConfig } from '../src/config/config.ts'
import { describeTables, metadataRoles } from '../src/hasura/metadata-tables.ts'
import { root } from './_app.ts'
import { startDoor } from './hasura/_door.ts'
import { askRemote } from './hasura/_remote.ts'
import { createHasuraSchema } from './hasura/_schema.ts'
import { startHasura } from './hasura/_stand-in.ts'

const pages = new Map(
  await Promise.all(
    [
      'README.md',
      'CONTRIBUTING.md',
      'SECURITY.md',
      ...(await readdir(new URL('docs/', root), { recursive: true })).map((name) => `docs/${name}`),
    ]
      .filter((path) => path.endsWith('.md'))
      .map(async (path) => [path, await readFile(new URL(path, root), 'utf8')] as const),
  ),
)

/** The blocks of a page in one language. */
const blocksOf = (path: string, language: string): string[] =>
  [...(pages.get(path) ?? '').matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(
    ([, text = '']) => text,
  )

/** What GitHub calls the headings of a page. */
const anchorsOf = (text: string): Set<string> =>
  new Set(
    [...text.replace(/^```.*?^```/gms, '').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )

test('every relative link leads to a file, and to a heading that is there', async (t) => {
  for (const [path, text] of pages) {
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      const [file = '', anchor] = target.split('#')
      const url = new URL(file, new URL(path, root))
      const linked = file === '' ? path : url.href.slice(root.href.length)
      const found = pages.get(linked)
      if (found === undefined) await t.notThrowsAsync(readFileOrFolder(url), `${path}: ${target}`)
      else if (anchor) t.true(anchorsOf(found).has(anchor), `${path}: ${target}`)
    }
  }
})

test('every variable that a page names is one', (t) => {
  for (const [path, text] of pages) {
    const names = [...text.matchAll(/(?<![A-Z_<])AUTH_[A-Z_]*[A-Z](?![A-Z_<*…])/g)].map(([name]) => name)
    const env = Object.fromEntries(names.map((name) => [name, '']))
    const { unknownVariables } = parseConfig(env, ['github', 'google', 'gitlab'])
    t.deepEqual(unknownVariables, [], path)
  }
})

test('every command that a page names is there, with its options', (t) => {
  const program = createProgram(createContext(process, false))
  let found = 0
  for (const [path, text] of pages) {
    for (const [line, words = ''] of text.matchAll(
      /(?:^|`|\$ |npx |run )claimgate (?:-- )?([a-z-][^\n`|#;<>(]*)/gm,
    )) {
      const args = words.trim().split(/\s+/)
      const command = findCommand(program, args)
      t.not(command, null, `${path}: ${line}`)
      const known = [...(command?.options ?? []), ...program.options].flatMap(({ long, short }) => [
        long,
        short,
      ])
      for (const option of args.filter((arg) => /^--[a-z]/.test(arg)))
        t.true([...known, '--help'].includes(option), `${path}: ${line}`)
      found++
    }
  }
  t.true(found > 50)
})

test('every npm script that a page names is there', async (t) => {
  const { scripts } = JSON.parse(await readFile(new URL('package.json', root), 'utf8'))
  for (const [path, text] of pages)
    for (const [line, name = ''] of text.matchAll(/npm run (?:--silent )?([a-z][a-z:]*)/g))
      t.true(name in scripts, `${path}: ${line}`)
})

test('the README leads to every page', (t) => {
  for (const path of pages.keys())
    if (path.startsWith('docs/')) t.true(pages.get('README.md')?.includes(`](${path}`), path)
})

test('the GraphQL of docs/how-to/actions.md is answered as it stands', async (t) => {
  const app = await startDoor()
  t.teardown(() => app.close())
  const [signup = '', me = ''] = blocksOf('docs/how-to/actions.md', 'graphql')
  const made = await askRemote(app, signup)
  const { token } = (made.data as { signup: { token: string } }).signup
  const { id } = (await app.get<{ id: string }>('/user', { Authorization: `Bearer ${token}` })).body
  const client = {
    variables: { 'x-hasura-role': 'user', 'x-hasura-user-id': id },
    client: { Authorization: `Bearer ${token}` },
  }
  const answer = await askRemote(app, me, {}, client)
  t.deepEqual(answer.data, { me: { username: 'test123', roles: ['user'], identities: [] } })
})

test('the GraphQL of docs/how-to/hasura-users.md and docs/how-to/custom-claims.md is what the permissions allow, and no more', (t) => {
  const schemaOf = (role: string) => createHasuraSchema(describeTables(metadataRoles), role)
  const problems = (role: string, text: string) =>
    validate(schemaOf(role), parse(text)).map(({ message }) => message)
  const [asManager = '', asUser = ''] = blocksOf('docs/how-to/hasura-users.md', 'graphql')
  const [setClaims = ''] = blocksOf('docs/how-to/custom-claims.md', 'graphql')
  t.deepEqual(problems('manager', asManager), [])
  t.deepEqual(problems('manager', setClaims), [])
  t.deepEqual(problems('user', asUser), [])
  for (const [role, text] of [
    ['user', setClaims],
    ['user', asManager],
    ['manager', asUser],
  ] as const)
    t.true(problems(role, text).length > 0)
})

test('Hasura takes the permissions of docs/how-to/custom-claims.md', async (t) => {
  const columns = ['id', 'org_id', 'team_id', 'clearance', 'title']
  const hasura = await startHasura({ tables: { project: { columns, references: {} } } })
  t.teardown(() => hasura.close())
  const [body] = blocksOf('docs/how-to/custom-claims.md', 'json')
  const response = await fetch(`${hasura.url}/v1/metadata`, {
    method: 'POST',
    headers: { 'x-hasura-admin-secret': hasura.state.adminSecret as string },
    body: body as string,
  })
  t.is(response.status, 200, await response.text())
  t.is(hasura.state.applied.length, 3)
})

/** The command that the first words name; null when there is none of that name. */
function findCommand(program: Command, [name, ...rest]: string[]): Command | null {
  if (program.commands.length === 0 || name === undefined || name.startsWith('-')) return program
  const command = program.commands.find((each) => each.name() === name)
  return command ? findCommand(command, rest) : null
}

async function readFileOrFolder(url: URL): Promise<unknown> {
  return readFile(url).catch(() => readdir(url))
}
