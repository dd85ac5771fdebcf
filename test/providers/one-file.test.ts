import { copyFile, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { pino } from 'pino'
import { loadProviders, namesByKind } from '../../src/authentication/load-providers.ts'
import type { Provider } from '../../src/authentication/provider.ts'
import { parseConfig } from '../../src/config/config.ts'
import { type GatewayOptions, startGateway } from '../../src/process/gateway.ts'
import { createMigratedDatabase, quick, root } from '../_app.ts'
import { makeDirectory } from '../_directory.ts'
import test, { type ExecutionContext } from '../_test.ts'

const built = fileURLToPath(new URL('../../providers/', import.meta.url))

const acme = `
import OAuth2Strategy from 'passport-oauth2'

class AcmeStrategy extends OAuth2Strategy {
  userProfile(accessToken, done) {
    this._oauth2.get('https://acme.test/me', accessToken, (error, body) =>
      error ? done(error) : done(null, JSON.parse(body)))
  }
}

export default {
  name: 'acme-sso',
  flow: 'redirect',
  label: 'Acme',
  scope: ['me'],
  strategy: ({ endpoints, ...options }, verify) =>
    new AcmeStrategy({
      ...options,
      authorizationURL: 'https://acme.test/authorize',
      tokenURL: 'https://acme.test/token',
      ...endpoints,
    }, verify),
  identity: ({ number, nick }) => ({ subject: String(number), username: nick }),
}
`

const acmeEndpoints = `
export default {
  name: 'acme-two',
  flow: 'redirect',
  label: 'Acme',
  scope: ['me'],
  endpoints: {
    authorization: 'https://acme.test/authorize',
    token: 'https://acme.test/token',
    profile: 'https://acme.test/me',
    emails: 'https://acme.test/emails',
    clientAuthentication: 'basic',
    parameters: () => ({ fields: 'all' }),
  },
  identity: ({ profile, emails }) => ({ subject: String(profile.number), username: emails.list[0] }),
}
`

const staff = `
import { Strategy } from 'passport-local'

export default {
  name: 'staff',
  flow: 'password',
  label: 'Staff',
  strategy: (verify) =>
    new Strategy({ session: false, passReqToCallback: true }, (req, username, password, done) =>
      verify(req, username.replace(/@staff$/, ''), password, done)),
}
`

/** Creates a folder with the gateway's provider files and the given files. All of them find the gateway's packages. */
async function makeFolder(t: ExecutionContext, more: Record<string, string>, withOurs = false): Promise<URL> {
  const directory = await makeDirectory('claimgate-providers')
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const link = (target: URL, name: string) => symlink(fileURLToPath(target), join(directory, name), 'dir')
  await link(new URL('node_modules', root), 'node_modules')
  // The gateway's provider files are bundles, which share chunks there.
  await link(new URL('dist/src', root), 'src')
  const folder = join(directory, 'providers')
  await mkdir(folder)
  await writeFile(join(directory, 'package.json'), '{"type":"module"}')
  if (withOurs) {
    for (const file of await readdir(built)) await copyFile(join(built, file), join(folder, file))
  }
  for (const [file, content] of Object.entries(more)) await writeFile(join(folder, file), content)
  return pathToFileURL(`${folder}/`)
}

type StartOptions = Partial<Pick<GatewayOptions, 'fetch' | 'log'>> & { env: Record<string, string> }

/** Starts a gateway with these providers and returns its URL. */
async function startWith(
  t: ExecutionContext,
  providers: readonly Provider[],
  { env, log = pino({ level: 'silent' }), ...options }: StartOptions,
): Promise<string> {
  const databaseUrl = quick === 'server' ? await createMigratedDatabase() : ''
  const dataDir = await makeDirectory()
  t.teardown(() => rm(dataDir, { recursive: true, force: true }))
  const { oauth, ...otherProviders } = namesByKind(providers)
  const config = parseConfig(
    {
      PORT: '0',
      HOST: '127.0.0.1',
      AUTH_DATA_DIR: dataDir,
      DATABASE_URL: databaseUrl,
      AUTH_SECRET: 'a secret that is only good for tests 0123456789',
      AUTH_BCRYPT_COST: '4',
      ...env,
    },
    oauth,
    { otherProviders },
  )
  const gateway = await startGateway({ config, providers, pages: null, root, log, ...options })
  t.teardown(() => gateway.close())
  await gateway.ready
  return `http://127.0.0.1:${gateway.port}`
}

test('a file in providers/ is found without being registered anywhere', async (t) => {
  const folder = await makeFolder(t, { 'acme-sso.js': acme }, true)
  const names = (await loadProviders(folder)).map(({ name }) => name)
  const ours = (await loadProviders(pathToFileURL(built))).map(({ name }) => name)
  t.deepEqual(names, ['acme-sso', ...ours])
  t.true(ours.includes('github') && ours.includes('local'))
})

for (const [name, content, asked] of [
  [
    'acme-sso',
    acme,
    [
      { url: 'https://acme.test/token', authorization: null },
      { url: 'https://acme.test/me', authorization: 'Bearer acme-token' },
    ],
  ],
  [
    'acme-two',
    acmeEndpoints,
    [
      {
        url: 'https://acme.test/token',
        authorization: `Basic ${Buffer.from('id:secret').toString('base64')}`,
      },
      { url: 'https://acme.test/me?fields=all', authorization: 'Bearer acme-token' },
      { url: 'https://acme.test/emails?fields=all', authorization: 'Bearer acme-token' },
    ],
  ],
] as const)
  test(`a sign-in with a new provider such as ${name} requires only a file in providers/ and two variables`, async (t) => {
    const providers = await loadProviders(await makeFolder(t, { [`${name}.js`]: content }, true))
    const requests: { url: string; authorization: string | null }[] = []
    const fetchAcme: typeof fetch = async (input, init) => {
      const url = String(input)
      requests.push({ url, authorization: new Headers(init?.headers).get('authorization') })
      if (url.includes('/emails')) return Response.json({ list: ['road.runner'] })
      return Response.json(
        url.endsWith('/token') ? { access_token: 'acme-token' } : { number: 7, nick: 'road.runner' },
      )
    }
    const prefix = `AUTH_${name.toUpperCase().replace('-', '_')}`
    const env = { [`${prefix}_CLIENT_ID`]: 'id', [`${prefix}_CLIENT_SECRET`]: 'secret' }
    const url = await startWith(t, providers, { env, fetch: fetchAcme })

    const listed = (await (await fetch(`${url}/providers`)).json()) as { name: string }[]
    t.deepEqual(
      listed.map((each) => each.name),
      ['local', name],
    )
    const start = await fetch(`${url}/auth/${name}`, { redirect: 'manual' })
    await start.text()
    const location = new URL(start.headers.get('location') ?? '')
    t.is(location.origin + location.pathname, 'https://acme.test/authorize')
    const callback = await fetch(
      `${url}/auth/${name}/callback?code=x&state=${location.searchParams.get('state')}`,
      {
        headers: { cookie: start.headers.getSetCookie()[0]?.split(';')[0] ?? '' },
      },
    )
    t.is(callback.status, 200)
    t.like(await callback.json(), { username: 'road.runner', roles: ['user'] })
    t.deepEqual(requests, [...asked])
  })

const good = `name: 'acme', flow: 'redirect', label: 'Acme', scope: ['me']`
const functions = 'strategy: () => ({}), identity: () => ({ subject: "1" })'

for (const [what, file, content, message] of [
  [
    'has another name than its file',
    'acme.js',
    `export default { ${good.replace('acme', 'other')}, ${functions} }`,
    /other/,
  ],
  [
    'differs from its file in case',
    'Acme.js',
    `export default { ${good}, ${functions} }`,
    /has the name acme/,
  ],
  ['has no default export', 'acme.js', `export const acme = { ${good}, ${functions} }`, /is not a provider/],
  ['exports null', 'acme.js', 'export default null', /is not a provider/],
  ['exports a function', 'acme.js', 'export default () => ({})', /is not a provider/],
  ['has no flow', 'acme.js', `export default { name: 'acme', label: 'A', scope: [], ${functions} }`, /flow/],
  [
    'has an unknown flow',
    'acme.js',
    `export default { name: 'acme', label: 'A', flow: 'magic', ${functions} }`,
    /flow/,
  ],
  ['has no label', 'acme.js', `export default { ${good.replace(`'Acme'`, `''`)}, ${functions} }`, /label/],
  [
    'has an icon that is not an SVG path',
    'acme.js',
    `export default { ${good}, icon: 'M0 0"/><script>', ${functions} }`,
    /icon/,
  ],
  [
    'has an icon with a fill that is not a colour',
    'acme.js',
    `export default { ${good}, icon: [{ path: 'M0 0', fill: 'url(#a)' }], ${functions} }`,
    /icon/,
  ],
  [
    'has no scope',
    'acme.js',
    `export default { name: 'acme', flow: 'redirect', label: 'A', ${functions} }`,
    /scope/,
  ],
  [
    'has no strategy',
    'acme.js',
    `export default { ${good}, identity: () => ({ subject: '1' }) }`,
    /strategy/,
  ],
  [
    'has an issuer that is no URL',
    'acme.js',
    `export default { ${good}, issuer: 'acme' }`,
    /issuer identifier/,
  ],
  [
    'has an issuer and a scope without openid',
    'acme.js',
    `export default { ${good}, issuer: 'https://acme.test' }`,
    /openid/,
  ],
  [
    'has an endpoint that is no URL',
    'acme.js',
    `export default { ${good}, endpoints: { authorization: 'a', token: 'b', profile: 'c' }, identity: () => ({ subject: '1' }) }`,
    /endpoints/,
  ],
  [
    'has an unknown part of a sign-in to leave out',
    'acme.js',
    `export default { ${good.replace("'me'", "'openid'")}, issuer: 'https://acme.test', without: ['state'] }`,
    /without/,
  ],
  ['has no identity', 'acme.js', `export default { ${good}, strategy: () => ({}) }`, /identity/],
  [
    'has a name that is not a route segment',
    'a b.js',
    `export default { ${good.replace('acme', 'a b')}, ${functions} }`,
    /name/,
  ],
  [
    'has the name of a member of every object',
    '__proto__.js',
    `export default { ${good.replace('acme', '__proto__')}, ${functions} }`,
    /name/,
  ],
  ['does not parse', 'acme.js', 'export default {', /acme\.js/],
  ['throws', 'acme.js', `throw new Error('out of coffee')`, /acme\.js/],
  [
    'imports a package that is not installed',
    'acme.js',
    `import 'passport-acme'; export default {}`,
    /acme\.js/,
  ],
] as const) {
  test(`a file in providers/ that ${what} is an error that names it`, async (t) => {
    const folder = await makeFolder(t, { [file]: content })
    const error = await t.throwsAsync(loadProviders(folder))
    t.true(error?.message.includes(`providers/${file}`), error?.message)
    t.regex(error?.message ?? '', message)
  })
}

test('files in providers/ that are not modules are ignored', async (t) => {
  const folder = await makeFolder(t, {
    'README.md': '#',
    'acme.js.map': '{}',
    'acme.d.ts': 'x',
    '.acme.js': 'x',
  })
  await t.throwsAsync(loadProviders(folder), { message: /no file with flow/ })
  await writeFile(new URL('staff.js', folder), staff)
  t.deepEqual(
    (await loadProviders(folder)).map(({ name }) => name),
    ['staff'],
  )
})

test('/login uses another file with the flow password in place of local.ts', async (t) => {
  const providers = await loadProviders(await makeFolder(t, { 'staff.js': staff }))
  const events: Record<string, unknown>[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => void events.push(JSON.parse(line)) })
  const url = await startWith(t, providers, { env: { AUTH_METRICS: 'true' }, log })
  const post = async (path: string, body: object) => {
    const headers = { 'Content-Type': 'application/json' }
    return fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
  }
  const credentials = { username: 'ada', password: 'correct horse' }
  await (await post('/signup', { ...credentials, confirmPassword: credentials.password })).text()
  t.is((await post('/login', { ...credentials, username: 'ada@staff' })).status, 200)
  t.is((await post('/login', { ...credentials, username: 'ada@elsewhere' })).status, 401)
  t.deepEqual(await (await fetch(`${url}/providers`)).json(), [
    { name: 'staff', label: 'Staff', flow: 'password', url: 'http://localhost:0/login' },
  ])
  const attempts = events.filter(({ event }) => /^login\./.test(String(event)))
  t.deepEqual(
    attempts.map(({ event, provider }) => [event, provider]),
    [
      ['login.ok', 'staff'],
      ['login.ok', 'staff'],
      ['login.failed', 'staff'],
    ],
  )
  const metrics = await (await fetch(`${url}/metrics`)).text()
  t.true(metrics.includes('claimgate_logins_total{provider="staff",outcome="ok"} 2'))
})

test('no file, or two files, with the flow password is an error', async (t) => {
  await t.throwsAsync(loadProviders(await makeFolder(t, { 'acme-sso.js': acme })), {
    message: /no file with flow: 'password'/,
  })
  await t.throwsAsync(loadProviders(await makeFolder(t, { 'staff.js': staff }, true)), {
    message: /several files with flow: 'password': local, staff\. Keep one/,
  })
})
