import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import test from 'ava'

const root = new URL('../../', import.meta.url)

type Source = { path: string; text: string; imports: { to: string; isType: boolean }[] }

/** Every file that is ours to write, with what it imports: paths from the root, or names of packages. */
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

/** The feature folder of a path, or the name of a file that stands above them. */
const partOf = (path: string): string => path.split('/')[1]?.replace(/\.ts$/, '') ?? ''

/** What each part may import from the others when it runs. Types are free. */
const mayKnow: Record<string, string[]> = {
  main: ['config', 'serve'],
  serve: ['cluster', 'config', 'gateway', 'observability', 'settings', 'welcome'],
  settings: ['authentication', 'config', 'pages'],
  gateway: ['app', 'create-deps', 'database', 'deployment', 'http', 'readiness', 'tokens', 'upkeep'],
  'create-deps': ['authentication', 'cluster', 'database', 'limits', 'observability', 'sessions'],
  upkeep: ['database', 'jobs'],
  readiness: ['errors'],
  deployment: ['database', 'tokens'],
  app: [
    'api',
    'authentication',
    'endpoints',
    'hasura',
    'http',
    'limits',
    'observability',
    'operation-steps',
    'page-routes',
    'steps',
  ],
  'operation-steps': ['authentication', 'endpoints'],
  // The words for what can be done through Hasura too are written once.
  api: ['contract', 'errors', 'hasura'],
  steps: [
    'authentication',
    'claims',
    'contract',
    'endpoints',
    'observability',
    'page-steps',
    'sessions',
    'tokens',
  ],
  'page-routes': ['operation-steps'],
  'page-steps': ['authentication', 'contract', 'http', 'pages'],
  config: ['config-keys', 'config-limits', 'config-pages', 'config-providers', 'config-values'],
  'config-keys': ['config-values', 'tokens'],
  'config-limits': ['config-values'],
  'config-pages': ['config-values'],
  'config-providers': ['config-values'],
  'config-values': ['tokens'],
  welcome: ['authentication', 'config-providers'],
  cli: [
    'authentication',
    'claims',
    'config',
    'config-providers',
    'config-values',
    'database',
    'deployment',
    'endpoints',
    'errors',
    'hasura',
    'http',
    'import',
    'observability',
    'serve',
    'settings',
    'tokens',
    'welcome',
  ],
  ...Object.fromEntries(
    [
      'authentication',
      'claims',
      'cluster',
      'database',
      'endpoints',
      'hasura',
      'http',
      'import',
      'limits',
      'observability',
      'pages',
      'sessions',
      'tokens',
    ].map((folder) => [folder, ['contract', 'errors', 'ip-address']]),
  ),
}

/** Where a file knows more than its folder may, and why that is better than handing it across. */
const exceptions: Record<string, string[]> = {
  // What PostgreSQL can hold is one rule for every text that comes from outside.
  'src/http/text.ts': [
    'src/authentication/change-password.ts',
    'src/authentication/password-policy.ts',
    'src/authentication/redirect-target.ts',
    'src/authentication/redirect-to.ts',
    'src/authentication/signup.ts',
    'src/authentication/username.ts',
    'src/authentication/verify-profile.ts',
    'src/endpoints/bodies.ts',
  ],
  // Under which name a request is seen is decided in one place.
  'src/http/route.ts': ['src/observability/metrics.ts', 'src/observability/tracing.ts'],
  // A query is read the same way wherever one is.
  'src/http/query.ts': ['src/authentication/redirect-to.ts', 'src/authentication/start-link.ts'],
  // What may leave of an error is decided in one place, also when it leaves in a redirect or
  // through Hasura.
  'src/http/error-handler.ts': [
    'src/authentication/callback.ts',
    'src/hasura/failure.ts',
    'src/hasura/run-operation.ts',
    'src/pages/failure.ts',
  ],
  // The input of an operation is checked the same way whether it is a body, the arguments of an action or a form.
  'src/http/media-type.ts': ['src/pages/form.ts'],
  'src/http/validate.ts': ['src/hasura/run-operation.ts', 'src/pages/form.ts'],
  // Steps are passed in one way.
  'src/http/walk.ts': ['src/hasura/run-operation.ts'],
  // What keeps a cookie safe, and what is sealed in it, is decided in one place.
  'src/http/cookie.ts': [
    'src/authentication/flow.ts',
    'src/pages/csrf.ts',
    'src/pages/page-cookie.ts',
    'src/sessions/refresh-cookie.ts',
  ],
  'src/tokens/sealed.ts': ['src/authentication/flow.ts', 'src/pages/page-cookie.ts'],
  // So is who counts as a person.
  'src/http/prefers-html.ts': ['src/pages/front.ts'],
  // A code is made where a sign-in ends and redeemed where a session begins.
  'src/sessions/authorization-code.ts': ['src/endpoints/hand-off.ts'],
  // What is escaped, and how, is decided in one place.
  'src/pages/html.ts': [
    'src/api/page/fields.ts',
    'src/api/page/operation-section.ts',
    'src/api/page/prose.ts',
    'src/api/page/reference-page.ts',
  ],
  // The names under the namespace belong to the claims; the token only carries them.
  'src/claims/hasura-claims.ts': ['src/tokens/access-token.ts'],
}

test('each part of src knows at run time only what the table allows it', (t) => {
  const violations = sources
    .filter(({ path }) => path.startsWith('src/'))
    .flatMap(({ path, imports }) =>
      imports
        .filter(({ to, isType }) => !isType && to.startsWith('src/') && partOf(to) !== partOf(path))
        .filter(({ to }) => !mayKnow[partOf(path)]?.includes(partOf(to)) && !exceptions[to]?.includes(path))
        .map(({ to }) => `${path} imports ${to}`),
    )
  t.deepEqual(violations, [])
})

test('every exception of the table is one that the code needs', (t) => {
  const unused = Object.entries(exceptions).flatMap(([to, paths]) =>
    paths.filter((path) => !sources.some((s) => s.path === path && s.imports.some((i) => i.to === to))),
  )
  t.deepEqual(unused, [])
})

const owners: [what: string, packages: RegExp, owners: RegExp][] = [
  ['the database', /prisma|\/generated\/|^pg$|pglite/i, /^src\/(database\/|import\/source\.ts$)/],
  ['JOSE', /^jose$/, /^src\/tokens\//],
  ['Passport', /passport/, /^(src\/authentication|providers)\//],
  ['processes beside this one', /^node:(cluster|child_process)$/, /^src\/(cluster\/|serve\.ts$)/],
  ['Koa', /^@?koa/, /^src\/(app|context|page-routes|authentication\/authenticate)\.ts$/],
  ['GraphQL', /^graphql$/, /^src\/hasura\/(remote-schema|measure-query)\.ts$/],
  ['Prometheus', /^prom-client$/, /^src\/observability\/metrics\.ts$/],
  ['OpenTelemetry', /opentelemetry/, /^src\/observability\/tracing\.ts$/],
  ['password hashes', /bcrypt|argon2/, /^src\/authentication\/password-hash\.ts$/],
]
for (const [what, packages, owner] of owners) {
  test(`${what} is known to ${owner.source} only, even as a type`, (t) => {
    const users = sources.filter(({ imports }) => imports.some(({ to }) => packages.test(to)))
    t.true(users.length > 0)
    t.deepEqual(
      users.map(({ path }) => path).filter((path) => !owner.test(path)),
      [],
    )
  })
}

test('src never names a provider file, and a provider knows of src only types', (t) => {
  for (const { path, imports } of sources) {
    for (const { to, isType } of imports) {
      t.false(to.startsWith('providers/'), path)
      if (path.startsWith('providers/') && to.startsWith('src/')) t.true(isType, path)
    }
  }
})

test('only main.ts and cli/ touch the process; the lock of the data directory asks for the platform', (t) => {
  const users = sources.flatMap(({ path, text }) =>
    [...text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '').matchAll(/\bprocess(?:\.\w+|\b['[])|node:process/g)].map(
      ([use]) => `${path} ${use}`,
    ),
  )
  const allowed = /^src\/(main\.ts |serve\.ts |cli\/|database\/directory-lock\.ts process\.platform$)/
  t.deepEqual(
    users.filter((use) => !allowed.test(use)),
    [],
  )
  t.true(users.length > 0)
})

test('no file has more than 200 lines, and none is a barrel', (t) => {
  for (const { path, text } of sources) {
    t.true(text.split('\n').length <= 201, path)
    t.notRegex(path, /(^|\/)(index|utils?|helpers?|common)\.ts$/)
  }
})
