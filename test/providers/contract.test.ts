import { readdir } from 'node:fs/promises'
import { inspect } from 'node:util'
import type { Strategy } from 'passport'
import { loadProviders } from '../../src/authentication/load-providers.ts'
import {
  isOpenId,
  type OAuthProvider,
  type Provider,
  type StateStore,
} from '../../src/authentication/provider.ts'
import { createStrategies } from '../../src/authentication/strategies.ts'
import { parseConfig } from '../../src/config/config.ts'
import { createLog } from '../../src/observability/log.ts'
import { root } from '../_app.ts'
import test from '../_test.ts'

const sources = new URL('providers/', root)
const built = new URL('../../providers/', import.meta.url)

const files = (await readdir(sources)).filter((file) => file.endsWith('.ts')).map((file) => file.slice(0, -3))
const providers = await loadProviders(built)
const redirectProviders = providers
  .filter((provider) => provider.flow === 'redirect')
  .filter((provider) => !isOpenId(provider))

const store: StateStore = {
  store: (_req, _verifier, _state, _meta, done) => done(null, 'the state of the gateway'),
  verify: (_req, _state, _meta, done) => done(null, 'verifier'),
}

/** Creates the strategies as the gateway does, for one provider with a client. */
async function construct(provider: Provider): Promise<Strategy | undefined> {
  const prefix = `AUTH_${provider.name.toUpperCase().replaceAll('-', '_')}`
  const env = { [`${prefix}_CLIENT_ID`]: 'the-client', [`${prefix}_CLIENT_SECRET`]: 'the-secret' }
  const names = provider.flow === 'redirect' ? [provider.name] : []
  const { strategies } = await createStrategies([provider], {
    publicUrl: 'https://gateway.test',
    providers: parseConfig(provider.flow === 'redirect' ? env : {}, names).providers,
    transport: { timeout: 1, fetch: () => Promise.reject(new Error('no network here')) },
    verifyPassword: (...args) => args.length === 4 && args[3](null, { id: '1' }),
    verifyProfile: () => (_access, _refresh, _profile, done) => done(null, { provider: 'any', subject: '1' }),
    stateCookie: { store: () => store, begin: async () => 'the state of the gateway' },
    clock: () => new Date(),
    log: createLog('silent'),
    instrumentRequest: (_provider, _request, work) => work(),
  })
  return strategies.get(provider.name)
}

/** Returns the URL to which a strategy redirects a browser at the start of a sign-in. */
function redirectOf(strategy: Strategy): Promise<URL> {
  return new Promise((resolve, reject) => {
    const actor: { authenticate(req: object): void } = Object.create(strategy, {
      redirect: { value: (location: string) => resolve(new URL(location)) },
      error: { value: reject },
      fail: { value: reject },
    })
    actor.authenticate({ query: {}, headers: {} })
  })
}

test('the providers are exactly the files in providers/', (t) => {
  t.deepEqual(providers.map(({ name }) => name).sort(), [...files].sort())
  t.true(files.includes('local') && files.includes('github') && files.includes('google'))
})

for (const name of files) {
  const find = () => providers.find((provider) => provider.name === name) as Provider

  test(`providers/${name}.ts has the name of its file, a label and a flow`, (t) => {
    const provider = find()
    t.is(provider.name, name)
    t.regex(provider.name, /^[a-z][a-z0-9-]*$/)
    t.regex(provider.label, /^\S(.*\S)?$/)
    t.true(['redirect', 'password'].includes(provider.flow))
  })

  test(`providers/${name}.ts has a strategy that Passport can use`, async (t) => {
    const strategy = await construct(find())
    t.is(typeof strategy?.authenticate, 'function')
  })
}

test('providers request only the scopes that the gateway reads', (t) => {
  const scopes = redirectProviders.map(({ name, scope }) => [name, scope.join(' ')])
  t.deepEqual(Object.fromEntries(scopes), {
    bitbucket: 'account email',
    discord: 'identify email',
    facebook: 'public_profile email',
    github: 'user:email',
    google: 'openid email',
    spotify: 'user-read-email',
    x: 'users.read tweet.read',
  })
})

for (const provider of redirectProviders) {
  const { name } = provider

  test(`providers/${name}.ts requests at least one scope, each without white space`, (t) => {
    t.true(provider.scope.length > 0)
    for (const scope of provider.scope) t.regex(scope, /^[^\s,]+$/)
  })

  test(`providers/${name}.ts redirects the browser to an https URL with the gateway's state, callback URL and PKCE`, async (t) => {
    const { protocol, searchParams } = await redirectOf((await construct(provider)) as Strategy)
    t.is(protocol, 'https:')
    t.is(searchParams.get('client_id'), 'the-client')
    t.is(searchParams.get('response_type'), 'code')
    t.is(searchParams.get('redirect_uri'), `https://gateway.test/auth/${name}/callback`)
    t.is(searchParams.get('state'), 'the state of the gateway')
    t.is(searchParams.get('code_challenge_method'), 'S256')
    t.regex(searchParams.get('code_challenge') ?? '', /^[\w-]{43}$/)
    t.deepEqual((searchParams.get('scope') ?? '').split(/[ ,]/), provider.scope)
    t.false(searchParams.toString().includes('the-secret'))
  })

  test(`providers/${name}.ts is called through the hardened transport`, async (t) => {
    const { _oauth2: oauth2 } = (await construct(provider)) as Strategy & {
      _oauth2?: Record<string, unknown>
    }
    t.is(typeof oauth2?._request, 'function')
    t.true(Object.hasOwn(oauth2 ?? {}, '_request'))
    t.is(oauth2?._useAuthorizationHeaderForGET, true)
  })

  for (const profile of [
    null,
    undefined,
    '',
    'text',
    7,
    [],
    {},
    { id: '' },
    { id: 'undefined', _json: {} },
    { id: 'null', _json: null },
    { _json: { id: '', sub: '' } },
    { _json: { id: null, sub: null } },
    { _json: { id: 0, sub: 0 } },
    { _json: { id: Number.NaN, sub: Number.NaN } },
    { _json: { id: {}, sub: {} } },
    { _json: { id: [1], sub: ['1'] } },
    { _json: { id: true, sub: true } },
    { _json: { name: 'x', login: 'x', email: 'a@mail.test', email_verified: true } },
  ]) {
    test(`providers/${name}.ts rejects the profile ${inspect(profile)}`, (t) => {
      t.throws(() => provider.identity(profile))
    })
  }
}

const identify = (name: string, json: object, more: object = {}) =>
  (redirectProviders.find((provider) => provider.name === name) as OAuthProvider).identity({
    _json: json,
    ...more,
  })

test('providers/github.ts identifies a user by id, not by login', (t) => {
  t.is(identify('github', { id: 583231, login: 'octocat' }).subject, '583231')
  t.is(identify('github', { id: 583231, login: 'renamed' }).subject, '583231')
  t.is(identify('github', { id: 583231 }).subject, '583231')
})

test('providers/github.ts accepts only an e-mail address that is primary and verified', (t) => {
  const emails = (list: unknown) => identify('github', { id: 1 }, { emails: list })
  t.like(emails([{ value: 'a@x.test', primary: true, verified: true }]), {
    email: 'a@x.test',
    emailVerified: true,
  })
  const others = [
    [{ value: 'a@x.test', primary: true, verified: false }],
    [{ value: 'a@x.test', primary: false, verified: true }],
    [{ value: 'a@x.test' }],
    [{ value: 'a@x.test', primary: 'true', verified: 'true' }],
    [{ value: 'a@x.test', primary: 1, verified: 1 }],
    [],
    null,
    'a@x.test',
    undefined,
  ]
  for (const list of others) t.like(emails(list), { subject: '1', email: undefined, emailVerified: false })
})

test('providers/google.ts identifies a user by sub, and accepts email_verified only as the boolean true', (t) => {
  const claims = { sub: '1234567890', email: 'a@x.test' }
  t.deepEqual(identify('google', { ...claims, email_verified: true }), {
    subject: '1234567890',
    email: 'a@x.test',
    emailVerified: true,
  })
  for (const email_verified of [false, 'true', 'yes', 1, {}, null, undefined]) {
    t.false(identify('google', { ...claims, email_verified }).emailVerified)
  }
  t.false(identify('google', claims).emailVerified)
  t.is(identify('google', { sub: '1' }).subject, '1')
})

const ofEndpoints = (name: string, profile: object, emails?: unknown) =>
  (redirectProviders.find((provider) => provider.name === name) as OAuthProvider).identity({
    profile,
    emails,
  })

test('providers/discord.ts accepts verified only as the boolean true, and a user without an address', (t) => {
  const user = { id: '80351110224678912', username: 'nelly', email: 'user@example.com' }
  t.deepEqual(ofEndpoints('discord', { ...user, verified: true }), {
    subject: '80351110224678912',
    username: 'nelly',
    email: 'user@example.com',
    emailVerified: true,
  })
  for (const verified of [false, 'true', 1, null, undefined])
    t.false(ofEndpoints('discord', { ...user, verified }).emailVerified)
  t.like(ofEndpoints('discord', { ...user, email: null }), { subject: user.id, email: undefined })
})

test('providers/bitbucket.ts accepts only an address that is primary and confirmed', (t) => {
  const uuid = '{d301aafa-d676-4ee0-88be-962be7417567}'
  const emails = (values: unknown) => ofEndpoints('bitbucket', { uuid, username: 'a-user' }, { values })
  const email = 'user@example.com'
  t.deepEqual(
    emails([
      { email: 'other@example.com', is_primary: false, is_confirmed: true },
      { email, is_primary: true, is_confirmed: true },
    ]),
    {
      subject: uuid,
      username: 'a-user',
      email,
      emailVerified: true,
    },
  )
  for (const list of [
    [{ email, is_primary: true, is_confirmed: false }],
    [{ email, is_primary: false, is_confirmed: true }],
    [{ email, is_primary: 'true', is_confirmed: 'true' }],
    [],
    null,
    'text',
  ])
    t.like(emails(list), { subject: uuid, email: undefined, emailVerified: false })
})

test('addresses of Facebook and Spotify are never verified, and X has none', (t) => {
  const email = 'user@example.com'
  const claims = { email, verified: true, email_verified: true }
  t.deepEqual(ofEndpoints('facebook', { id: '1234567890123456', ...claims }), {
    subject: '1234567890123456',
    email,
    emailVerified: false,
  })
  t.deepEqual(ofEndpoints('spotify', { id: 'a-user', ...claims }), {
    subject: 'a-user',
    email,
    emailVerified: false,
  })
  t.deepEqual(
    ofEndpoints('x', { data: { id: '2244994945', name: 'A User', username: 'a_user', ...claims } }),
    {
      subject: '2244994945',
      username: 'a_user',
    },
  )
})
