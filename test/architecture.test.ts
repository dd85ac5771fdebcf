import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import test from './_test.ts'

const root = new URL('../../', import.meta.url)

type Source = { path: string; text: string; imports: { to: string; isType: boolean }[] }

/** Every source file with its imports: paths from the root, or names of packages. */
const sources = ['src', 'providers'].flatMap((folder) =>
  readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
    .map((name) => posix.join(folder, name.replaceAll('\\', '/')))
    .filter((path) => path.endsWith('.ts') && !path.includes('/generated/'))
    .map(readSource),
)

function readSource(path: string): Source {
  const text = readFileSync(new URL(path, root), 'utf8')
  const found = text.matchAll(/^(?:import|export)\b(\s+type\b)?(?:[^'"=()]*\bfrom)?\s*'([^']+)'/gm)
  const dynamic = text.matchAll(/\b(import)\('([^']+)'\)/g)
  const imports = [...found, ...dynamic].map(([, type, name = '']) => ({
    to: name.startsWith('.') ? posix.join(posix.dirname(path), name) : name,
    isType: type?.trim() === 'type',
  }))
  return { path, text, imports }
}

/** Returns the folder of a file in src, or the name of a file that stands above the folders. */
function partOf(path: string): string {
  return path.split('/')[1]?.replace(/\.ts$/, '') ?? ''
}

/** The floor of each part of src. A file imports from its own part and from lower floors only; types count too. */
const floors: Record<string, number> = {
  main: 15,
  cli: 15,
  process: 14,
  app: 13,
  pages: 12,
  endpoints: 11,
  dependencies: 10,
  observability: 9,
  import: 9,
  authentication: 8,
  config: 7,
  sessions: 7,
  tokens: 6,
  reference: 6,
  doctor: 6,
  hasura: 5,
  limits: 5,
  claims: 5,
  http: 4,
  stores: 4,
  migrations: 4,
  context: 3,
  database: 3,
  errors: 2,
  events: 1,
  root: 0,
}

const inSrc = sources.filter(({ path }) => path.startsWith('src/'))

test('src has at most 8 files of its own, one level of folders and 300 files in all', (t) => {
  const depthOf = (path: string) => path.split('/').length
  const flat = inSrc.filter(({ path }) => depthOf(path) === 2)
  t.log(`${flat.length} files flat, ${inSrc.length} files in all`)
  t.true(flat.length <= 8)
  t.true(inSrc.length <= 300)
  const deep = inSrc.filter(({ path }) => depthOf(path) > 3 && !path.startsWith('src/pages/locales/'))
  t.deepEqual(
    deep.map(({ path }) => path),
    [],
  )
})

test('imports go downwards by the floors, types included', (t) => {
  const upward = inSrc.flatMap(({ path, imports }) =>
    imports
      .filter(({ to }) => to.startsWith('src/') && !to.includes('/generated/') && partOf(to) !== partOf(path))
      .filter(({ to }) => !(floorOf(to) < floorOf(path)))
      .map(({ to }) => `${path} imports ${to}`),
  )
  t.log(`${upward.length} upward imports`)
  t.deepEqual(upward, [])
})

test('no circle of imports, types included', (t) => {
  const graph = new Map(inSrc.map(({ path, imports }) => [path, imports.map(({ to }) => to)]))
  const circles = findCircles(graph)
  t.log(`${circles.length} circles`)
  t.deepEqual(circles, [])
})

/** Returns the floor of a file's part. Throws for a part that the table does not know. */
function floorOf(path: string): number {
  const floor = floors[partOf(path)]
  if (floor === undefined) throw new Error(`${path} has no floor`)
  return floor
}

/** Returns the groups of files of which each file reaches every other one by its imports (Tarjan). */
function findCircles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const index = new Map<string, number>()
  const stack: string[] = []
  const circles: string[][] = []
  const visit = (path: string): number => {
    const own = index.size
    let lowest = own
    index.set(path, own)
    stack.push(path)
    for (const next of graph.get(path) ?? []) {
      if (!graph.has(next)) continue
      if (!index.has(next)) lowest = Math.min(lowest, visit(next))
      else if (stack.includes(next)) lowest = Math.min(lowest, index.get(next) as number)
    }
    if (lowest === own) {
      const circle = stack.splice(stack.indexOf(path))
      if (circle.length > 1) circles.push(circle)
    }
    return lowest
  }
  for (const path of graph.keys()) if (!index.has(path)) visit(path)
  return circles
}

const owners: [what: string, packages: RegExp, owners: RegExp][] = [
  [
    'the database',
    /prisma|\/generated\/|^pg$|pglite/i,
    /^src\/((database|stores|migrations)\/|import\/source\.ts$)/,
  ],
  ['JOSE', /^jose$/, /^src\/tokens\//],
  ['openid-client', /^openid-client$/, /^src\/authentication\/(relying-party|openid-metadata)\.ts$/],
  ['Passport', /passport/, /^(src\/authentication|providers)\//],
  ['processes beside this one', /^node:(cluster|child_process)$/, /^src\/process\/(serve|workers?)\.ts$/],
  ['threads', /^node:worker_threads$/, /^src\/authentication\/hash-threads?\.ts$/],
  ['Koa', /^@?koa(?!-compose$)/, /^src\/(app|context|pages\/routes|authentication\/authenticate)\.ts$/],
  ['koa-compose', /^koa-compose$/, /^src\/(hasura\/run-operation|pages\/sign-in)\.ts$/],
  ['GraphQL', /^graphql$/, /^src\/hasura\/(remote-schema|query-limits)\.ts$/],
  ['Prometheus', /^prom-client$/, /^src\/observability\/metrics\.ts$/],
  ['OpenTelemetry', /opentelemetry/, /^src\/observability\/tracing\.ts$/],
  ['password hashes', /bcrypt|argon2/, /^src\/authentication\/(hash-thread|verify-hash)\.ts$/],
]
for (const [what, packages, owner] of owners) {
  test(`${what}: only ${owner.source} may import it, types included`, (t) => {
    const users = sources.filter(({ imports }) => imports.some(({ to }) => packages.test(to)))
    t.true(users.length > 0)
    t.deepEqual(
      users.map(({ path }) => path).filter((path) => !owner.test(path)),
      [],
    )
  })
}

test('src imports no provider file, and a provider imports only types of src', (t) => {
  for (const { path, imports } of sources) {
    for (const { to, isType } of imports) {
      t.false(to.startsWith('providers/'), path)
      if (path.startsWith('providers/') && to.startsWith('src/')) t.true(isType, path)
    }
  }
})

/** The names of sign-in services. */
const services =
  /apple|auth0|authentik|bitbucket|discord|\bentra\b|facebook|github|gitlab|google|keycloak|linkedin|microsoft|okta|slack|spotify|twitch|twitter/i

test('no code of src names a provider: providers/ and the environment are the only lists', (t) => {
  // These files read the exports and the variables of other servers, which have names for their providers.
  const isMigration = (path: string) =>
    /^src\/(import\/|cli\/import\.ts$|config\/former-variables\.ts$)/.test(path)
  const named = inSrc
    .filter(({ path }) => !isMigration(path))
    .flatMap(({ path, text }) => {
      const code = withoutTexts(text.replace(/\/\*[\s\S]*?\*\/|(?<![:'"])\/\/.*/g, ''))
      const [found] = services.exec(code) ?? []
      return found ? [`${path} ${found}`] : []
    })
  t.deepEqual(named, [])
})

/** Removes the texts for readers from code: descriptions, examples, and names of fonts. */
function withoutTexts(code: string): string {
  return code
    .replace(/\bexamples: \[[^\]]*\]|\bexamples\('[^']*'\)|\bdescription:\s*'[^']*'/g, '')
    .replace(/\.argument\([^)]*\)|^ *font: .*$/gm, '')
}

test('only main.ts, process/serve.ts and cli/ use the process; the embedded database reads the platform, the user and the Node line', (t) => {
  const users = sources.flatMap(({ path, text }) =>
    [...text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '').matchAll(/\bprocess(?:\.\w+|\b['[])|node:process/g)].map(
      ([use]) => `${path} ${use}`,
    ),
  )
  const allowed =
    /^src\/(main\.ts |process\/serve\.ts |cli\/|database\/(directory-lock\.ts process\.platform|data-directory\.ts process\.get(uid|groups)|embedded\.ts process\.versions)$)/
  t.deepEqual(
    users.filter((use) => !allowed.test(use)),
    [],
  )
  t.true(users.length > 0)
})

/** The files that only hand dependencies on. The route tables, app.ts and pages/routes.ts, are not among them. */
const wiring = [
  'src/dependencies.ts',
  'src/endpoints/operations.ts',
  'src/endpoints/transport.ts',
  'src/pages/steps.ts',
]

test('the wiring has at most 300 lines', (t) => {
  const files = sources.filter(({ path }) => wiring.includes(path))
  const lines = files.reduce((sum, { text }) => sum + text.split('\n').length - 1, 0)
  t.log(`${lines} lines of wiring`)
  t.is(files.length, wiring.length)
  t.true(lines <= 300)
})

test('no file has more than 300 lines, and none is a barrel', (t) => {
  const lengths = sources.map(({ path, text }) => [text.split('\n').length - 1, path] as const)
  t.log(`longest file: ${lengths.sort(([a], [b]) => b - a)[0]?.join(' ')}`)
  for (const [length, path] of lengths) {
    t.true(length <= 300, path)
    t.notRegex(path, /(^|\/)(index|utils?|helpers?|common|services?|controllers?)\.ts$/)
  }
})
