import fc from 'fast-check'
import { parseConfig } from '../../src/config/config.ts'
import { ConfigError } from '../../src/errors.ts'
import test from '../_test.ts'

const providers = ['github', 'my-idp']

test('an empty environment gives the defaults', (t) => {
  t.deepEqual(
    { ...parseConfig({}, providers) },
    {
      production: false,
      port: 8080,
      workers: 1,
      host: '0.0.0.0',
      databaseUrl: undefined,
      databaseDirectUrl: undefined,
      databasePool: 10,
      dataDir: './data',
      publicUrl: 'http://localhost:8080',
      secret: null,
      keyPair: null,
      keyBits: '2048',
      issuer: 'http://localhost:8080',
      audience: 'hasura',
      previousSecret: undefined,
      previousKeys: [],
      keyRotation: 90 * 86_400,
      refreshGrace: 30,
      freshSeconds: 300,
      cookieMode: false,
      accessTokenLifetime: 900,
      sessionLifetimes: { idle: 1_209_600, absolute: 2_592_000 },
      sessionsPerUser: 100,
      claimsNamespace: 'https://hasura.io/jwt/claims',
      claimsFormat: 'json',
      roles: { defaultRole: 'user', anonymousRole: 'anonymous', allowAdmin: false, claimsValues: 'text' },
      signup: true,
      passwordApi: true,
      usernameAt: true,
      passwordPolicy: 'basic',
      passwordMinLength: 4,
      passwordWords: [],
      breachUrl: undefined,
      passwordHash: 'bcrypt',
      bcryptCost: 10,
      hashQueue: 500,
      hashPerAddress: 125,
      hashWait: 10,
      providers: new Map(),
      providerTimeout: 5,
      proxies: { httpProxy: undefined, httpsProxy: undefined, noProxy: '' },
      databaseTimeout: 5,
      redirectOrigins: [],
      corsOrigins: [],
      requirePkce: false,
      confirmSignIn: false,
      trustedProxies: 0,
      jwksMaxAge: 300,
      stateLifetime: 600,
      headersTimeout: 10,
      requestTimeout: 30,
      keepAliveTimeout: 65,
      maxConnections: 10_000,
      rateLimit: true,
      limits: {
        login: { points: 10, seconds: 300 },
        account: { points: 50, seconds: 3600 },
        address: { points: 100, seconds: 300 },
        signup: { points: 60, seconds: 3600 },
        refresh: { points: 1000, seconds: 300 },
        callback: { points: 100, seconds: 300 },
        continue: { points: 100, seconds: 300 },
      },
      drain: 0,
      shutdownGrace: 10,
      actionSecret: undefined,
      webhookSecret: undefined,
      metrics: false,
      metricsPort: undefined,
      pages: {
        name: 'Claimgate',
        logo: undefined,
        logoDark: undefined,
        accent: '#3451b2',
        language: undefined,
        apps: new Map(),
      },
      docs: true,
      logLevel: 'info',
      tracesEndpoint: undefined,
      traceProbes: false,
      unknownVariables: [],
      formerVariables: [],
      quotedVariables: [],
      webhookCache: 16 * 1024 * 1024,
    },
  )
})

test('NODE_ENV=production sets a drain of 5 seconds as the default', (t) => {
  t.is(parseConfig({ NODE_ENV: 'production' }).drain, 5)
  t.is(parseConfig({ NODE_ENV: 'production', AUTH_DRAIN: '0' }).drain, 0)
})

test('NODE_ENV=production requires PKCE as the default', (t) => {
  t.true(parseConfig({ NODE_ENV: 'production' }).requirePkce)
  t.false(parseConfig({}).requirePkce)
  t.false(parseConfig({ NODE_ENV: 'production', AUTH_REQUIRE_PKCE: 'false' }).requirePkce)
})

test('NODE_ENV=production sets strict passwords of 8 characters as the default', (t) => {
  t.is(parseConfig({ NODE_ENV: 'production' }).passwordPolicy, 'strict')
  t.is(parseConfig({ NODE_ENV: 'production', AUTH_PASSWORD_POLICY: 'basic' }).passwordMinLength, 4)
  t.is(parseConfig({ AUTH_PASSWORD_POLICY: 'strict' }).passwordMinLength, 8)
  t.is(parseConfig({ NODE_ENV: 'production' }).passwordMinLength, 8)
  t.is(parseConfig({ NODE_ENV: 'production', AUTH_PASSWORD_MIN_LENGTH: '5' }).passwordMinLength, 5)
})

test('a public URL of another host sets strict passwords of 8 characters as the default', (t) => {
  const policyOf = (AUTH_PUBLIC_URL: string) => parseConfig({ AUTH_PUBLIC_URL }).passwordPolicy
  for (const url of ['https://auth.test', 'http://auth.test', 'http://192.168.1.5:8080', 'http://[::2]'])
    t.is(policyOf(url), 'strict', url)
  for (const url of [
    'https://localhost',
    'http://auth.localhost:8080',
    'http://127.1.2.3',
    'http://[::1]:80',
  ])
    t.is(policyOf(url), 'basic', url)
  for (const url of ['https://localhost.test', 'https://notlocalhost', 'https://127.0.0.1.test'])
    t.is(policyOf(url), 'strict', url)
  const chosen = parseConfig({ AUTH_PUBLIC_URL: 'https://auth.test', AUTH_PASSWORD_POLICY: 'basic' })
  t.is(chosen.passwordPolicy, 'basic')
})

test('the public URL and the issuer follow PORT, and the issuer follows the public URL', (t) => {
  t.is(parseConfig({ PORT: '9000' }).issuer, 'http://localhost:9000')
  const { publicUrl, issuer } = parseConfig({ AUTH_PUBLIC_URL: 'https://auth.test/base/' })
  t.is(publicUrl, 'https://auth.test/base')
  t.is(issuer, publicUrl)
  t.is(parseConfig({ AUTH_PUBLIC_URL: 'https://auth.test', AUTH_ISSUER: 'me' }).issuer, 'me')
})

test('an empty variable counts as unset, but an empty AUTH_ANONYMOUS_ROLE means no anonymous role', (t) => {
  const names = [
    'PORT',
    'DATABASE_URL',
    'AUTH_SECRET',
    'AUTH_PRIVATE_KEY',
    'AUTH_SIGNUP',
    'AUTH_CORS_ORIGINS',
  ]
  const empty = Object.fromEntries(names.map((name) => [name, '']))
  t.deepEqual({ ...parseConfig(empty) }, { ...parseConfig({}) })
  t.is(parseConfig({ AUTH_ANONYMOUS_ROLE: '' }).roles.anonymousRole, null)
})

test('a redirect origin with a path allows its origin to call, and a loopback address of any port does not', (t) => {
  const targets = ['https://a.test/in', 'https://a.test/out', 'http://127.0.0.1:*', 'http://[::1]:*/cb']
  const { corsOrigins, redirectOrigins } = parseConfig({ AUTH_REDIRECT_ORIGINS: targets.join(' ') })
  t.deepEqual(redirectOrigins, targets)
  t.deepEqual(corsOrigins, ['https://a.test'])
})

test('CORS origins are the redirect origins without native apps, unless AUTH_CORS_ORIGINS is set', (t) => {
  const env = { AUTH_REDIRECT_ORIGINS: 'https://a.test, http://localhost:3000 myapp://' }
  const { redirectOrigins, corsOrigins } = parseConfig(env)
  t.deepEqual(redirectOrigins, ['https://a.test', 'http://localhost:3000', 'myapp://'])
  t.deepEqual(corsOrigins, ['https://a.test', 'http://localhost:3000'])
  t.deepEqual(parseConfig({ ...env, AUTH_CORS_ORIGINS: 'https://b.test' }).corsOrigins, ['https://b.test'])
})

test('a provider is configured by the variables of its file name', (t) => {
  const env = {
    AUTH_MY_IDP_CLIENT_ID: 'id',
    AUTH_MY_IDP_CLIENT_SECRET: 'secret',
    AUTH_MY_IDP_SCOPE: 'openid, email',
    AUTH_MY_IDP_AUTHORIZATION_URL: 'https://idp.test/authorize',
    AUTH_MY_IDP_TOKEN_URL: 'https://idp.test/token',
    AUTH_MY_IDP_PROFILE_URL: 'https://idp.test/me',
  }
  t.deepEqual(
    parseConfig(env, providers).providers,
    new Map([
      [
        'my-idp',
        {
          clientId: 'id',
          clientSecret: 'secret',
          scope: ['openid', 'email'],
          authorizationUrl: 'https://idp.test/authorize',
          tokenUrl: 'https://idp.test/token',
          profileUrl: 'https://idp.test/me',
        },
      ],
    ]),
  )
})

test('unknown variables that begin with AUTH_ are reported, also the variables of a provider without a file', (t) => {
  const env = { AUTH_ISUER: 'x', AUTH_GITLAB_CLIENT_ID: 'x', AUTH_ANONYMOUS_ROLE: '', OTHER: 'x' }
  t.deepEqual(parseConfig(env, providers).unknownVariables, ['AUTH_ISUER', 'AUTH_GITLAB_CLIENT_ID'])
})

test('the configuration is frozen', (t) => {
  const config = parseConfig({ AUTH_REDIRECT_ORIGINS: 'https://a.test' })
  t.true(Object.isFrozen(config))
  for (const part of [
    config.roles,
    config.sessionLifetimes,
    config.redirectOrigins,
    config.corsOrigins,
    config.limits,
  ]) {
    t.true(Object.isFrozen(part))
  }
})

const names = [
  'NODE_ENV WEB_CONCURRENCY PORT HOST DATABASE_URL DATABASE_DIRECT_URL AUTH_DATABASE_POOL AUTH_DATA_DIR AUTH_PUBLIC_URL AUTH_SECRET AUTH_PRIVATE_KEY AUTH_PUBLIC_KEY',
  'AUTH_KEY_ID AUTH_KEY_BITS AUTH_ISSUER AUTH_AUDIENCE AUTH_ACCESS_TOKEN_LIFETIME AUTH_SESSION_IDLE_LIFETIME',
  'AUTH_SESSION_LIFETIME AUTH_CLAIMS_NAMESPACE AUTH_CLAIMS_FORMAT AUTH_CLAIMS_VALUES AUTH_DEFAULT_ROLE AUTH_ANONYMOUS_ROLE',
  'AUTH_ALLOW_ADMIN_ROLE AUTH_SIGNUP AUTH_PASSWORD_MIN_LENGTH AUTH_PASSWORD_HASH AUTH_BCRYPT_COST',
  'AUTH_GITHUB_CLIENT_ID AUTH_GITHUB_CLIENT_SECRET AUTH_GITHUB_SCOPE AUTH_GITHUB_TOKEN_URL',
  'AUTH_PROVIDER_TIMEOUT AUTH_DATABASE_TIMEOUT AUTH_REDIRECT_ORIGINS AUTH_CORS_ORIGINS AUTH_REQUIRE_PKCE AUTH_CONFIRM_SIGNIN AUTH_TRUSTED_PROXIES AUTH_JWKS_MAX_AGE',
  'AUTH_STATE_LIFETIME AUTH_SHUTDOWN_GRACE AUTH_ACTION_SECRET AUTH_WEBHOOK_SECRET AUTH_METRICS LOG_LEVEL OTEL_EXPORTER_OTLP_ENDPOINT AUTH_NOTHING',
].flatMap((line) => line.split(' '))

const value = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.nat().map(String),
  fc.webUrl({ withQueryParameters: true, withFragments: true }),
  fc.constantFrom(
    'true',
    'false',
    'admin',
    'production',
    'bcrypt',
    'postgres://h/d',
    'app://',
    '::',
    'a:b',
    '-1',
  ),
)
const environment = fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 12 })

test('every environment is parsed with the same result each time, or rejected with a ConfigError', (t) => {
  const outcome = (env: Record<string, string>): unknown => {
    try {
      return { ...parseConfig(env, providers) }
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      return error.problems
    }
  }
  fc.assert(
    fc.property(environment, (env) => {
      const before = structuredClone(env)
      t.deepEqual(outcome(env), outcome(env))
      t.deepEqual(env, before)
    }),
    { numRuns: 100 },
  )
})

test('every issuer and audience that is accepted is a StringOrURI for Hasura', (t) => {
  const uri = /^[a-z][a-z\d+.-]*:(?:[\w.~:/?[\]@!$&'()*+,;=-]|%[\da-f]{2})*(?:#[^#\s]*)?$/i
  fc.assert(
    fc.property(
      fc.oneof(
        value,
        value.map((text) => `urn:${text}`),
      ),
      (text) => {
        for (const name of ['AUTH_ISSUER', 'AUTH_AUDIENCE', 'AUTH_PUBLIC_URL']) {
          try {
            const { issuer, audience } = parseConfig({ [name]: text })
            for (const found of [issuer, audience]) if (found.includes(':')) t.regex(found, uri)
          } catch (error) {
            t.true(error instanceof ConfigError)
          }
        }
      },
    ),
    { numRuns: 100 },
  )
})
