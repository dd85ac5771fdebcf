import fc from 'fast-check'
import { parseConfig } from '../../src/config/config.ts'
import { ConfigError } from '../../src/errors.ts'
import test from '../_test.ts'

/** An invalid value of each variable, with the secret in it where the kind of value allows. */
const bad: Record<string, (secret: string) => string> = {
  PORT: (secret) => secret,
  HOST: (secret) => `${secret}\n`,
  DATABASE_URL: (secret) => `mysql://user:${secret}@db/x`,
  DATABASE_DIRECT_URL: (secret) => `postgres://user:${secret}@db:x/x`,
  AUTH_DATABASE_POOL: (secret) => secret,
  AUTH_DATA_DIR: (secret) => `${secret}\u0007`,
  AUTH_PUBLIC_URL: (secret) => `https://user:${secret}@auth.test`,
  AUTH_SECRET: (secret) => secret,
  AUTH_PRIVATE_KEY: (secret) => `-----BEGIN PRIVATE KEY-----\n${secret}\n-----END PRIVATE KEY-----`,
  AUTH_PUBLIC_KEY: (secret) => `-----BEGIN PUBLIC KEY-----\n${secret}\n-----END PUBLIC KEY-----`,
  AUTH_KEY_ID: (secret) => secret.repeat(20),
  AUTH_KEY_BITS: (secret) => secret,
  AUTH_ISSUER: (secret) => `${secret} : x`,
  AUTH_AUDIENCE: (secret) => `${secret} : x`,
  AUTH_ACCESS_TOKEN_LIFETIME: (secret) => `900 ${secret}`,
  AUTH_SESSION_IDLE_LIFETIME: (secret) => secret,
  AUTH_SESSION_LIFETIME: (secret) => secret,
  AUTH_CLAIMS_NAMESPACE: (secret) => `${secret}\n`,
  AUTH_CLAIMS_FORMAT: (secret) => secret,
  AUTH_CLAIMS_VALUES: (secret) => secret,
  AUTH_DEFAULT_ROLE: (secret) => `${secret}\t`,
  AUTH_ANONYMOUS_ROLE: (secret) => `${secret}\t`,
  AUTH_ALLOW_ADMIN_ROLE: (secret) => secret,
  AUTH_SIGNUP: (secret) => secret,
  AUTH_PASSWORD_API: (secret) => secret,
  AUTH_USERNAME_AT: (secret) => secret,
  AUTH_PASSWORD_MIN_LENGTH: (secret) => secret,
  AUTH_PASSWORD_POLICY: (secret) => secret,
  AUTH_PASSWORD_WORDS: (secret) => `${secret},x`,
  AUTH_PASSWORD_BREACH_URL: (secret) => secret,
  AUTH_PASSWORD_HASH: (secret) => secret,
  AUTH_BCRYPT_COST: (secret) => secret,
  AUTH_GITHUB_CLIENT_ID: (secret) => secret.repeat(100),
  AUTH_GITHUB_AUTHORIZATION_URL: (secret) => secret,
  AUTH_GITHUB_TOKEN_URL: (secret) => `ftp://${secret}`,
  AUTH_GITHUB_PROFILE_URL: (secret) => secret,
  AUTH_GITHUB_EMAILS_URL: (secret) => secret,
  AUTH_PROVIDER_TIMEOUT: (secret) => secret,
  HTTPS_PROXY: (secret) => `socks5://user:${secret}@proxy:1080`,
  AUTH_REDIRECT_ORIGINS: (secret) => `https://${secret}.test/`,
  AUTH_CORS_ORIGINS: (secret) => `https://${secret}.test/`,
  AUTH_TRUSTED_PROXIES: (secret) => secret,
  AUTH_JWKS_MAX_AGE: (secret) => secret,
  AUTH_STATE_LIFETIME: (secret) => secret,
  AUTH_HASH_QUEUE: (secret) => secret,
  AUTH_HASH_PER_ADDRESS: (secret) => secret,
  AUTH_HASH_WAIT: (secret) => secret,
  AUTH_HEADERS_TIMEOUT: (secret) => secret,
  AUTH_REQUEST_TIMEOUT: (secret) => secret,
  AUTH_RATE_LIMIT: (secret) => secret,
  AUTH_LOGIN_FAILURES: (secret) => secret,
  AUTH_CALLBACK_WINDOW: (secret) => secret,
  AUTH_MAX_CONNECTIONS: (secret) => secret,
  AUTH_DRAIN: (secret) => secret,
  AUTH_SHUTDOWN_GRACE: (secret) => secret,
  AUTH_ACTION_SECRET: (secret) => secret,
  AUTH_WEBHOOK_SECRET: (secret) => secret,
  WEB_CONCURRENCY: (secret) => secret,
  LOG_LEVEL: (secret) => secret,
}

/** Returns the names of the invalid variables and the whole message. */
function complaint(env: Record<string, string>): { names: string[]; message: string } {
  try {
    parseConfig(env, ['github'])
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { names: error.problems.map((problem) => problem.split(' ')[0] ?? ''), message: error.message }
  }
  return { names: [], message: '' }
}

test('a port of the metrics is another port, and needs metrics', (t) => {
  const problems = (env: Record<string, string>) =>
    t.throws<ConfigError>(() => parseConfig(env), { instanceOf: ConfigError })?.problems
  t.deepEqual(problems({ AUTH_METRICS_PORT: '9464' }), ['AUTH_METRICS_PORT requires AUTH_METRICS=true'])
  t.deepEqual(problems({ AUTH_METRICS: 'true', AUTH_METRICS_PORT: '8080' }), [
    'AUTH_METRICS_PORT must be another port than PORT',
  ])
  t.deepEqual(problems({ AUTH_METRICS: 'true', AUTH_METRICS_PORT: '65536' }), [
    'AUTH_METRICS_PORT must be a whole number from 0 to 65535',
  ])
})

test('one error names every invalid variable, no other variable, and no value', (t) => {
  const secrets = fc.stringMatching(/^zq[a-z0-9]{14}$/)
  fc.assert(
    fc.property(fc.subarray(Object.keys(bad)), secrets, (names, secret) => {
      const env = Object.fromEntries(names.map((name) => [name, bad[name]?.(secret) ?? '']))
      // A client id without a client secret would be a problem with the client secret.
      if ('AUTH_GITHUB_CLIENT_ID' in env) env.AUTH_GITHUB_CLIENT_SECRET = secret.repeat(100)
      const expected = Object.keys(env)
      const found = complaint(env)
      t.deepEqual(found.names.sort(), expected.sort())
      t.false(found.message.includes(secret), found.message)
      for (const name of expected) t.true(found.message.includes(name))
    }),
    { numRuns: 200 },
  )
})

const refused: [variable: string, values: string[]][] = [
  ['PORT', ['-1', '65536', '80.5', '0x50', '1e3', '99999999999']],
  ['DATABASE_URL', ['localhost:5432', 'http://db', '/var/run']],
  ['AUTH_PUBLIC_URL', ['auth.test', 'ftp://a', 'https://a/?x', 'https://a/#x', 'https://u@a', '//a']],
  ['AUTH_SECRET', ['short', 'é'.repeat(15)]],
  ['AUTH_KEY_BITS', ['1024', '2047', '8192', ' 2048']],
  ['AUTH_ISSUER', ['a b:c', '1:2', 'https://exämple.test', 'https://a.test/ b', 'urn:a|b']],
  ['AUTH_ACCESS_TOKEN_LIFETIME', ['59', '86401', '15m']],
  ['AUTH_SESSION_LIFETIME', ['0', '59', '31536001']],
  ['AUTH_SESSIONS_PER_USER', ['0', '-1', '10001', 'unlimited']],
  ['AUTH_CLAIMS_FORMAT', ['JSON', 'xml']],
  ['AUTH_CLAIMS_VALUES', ['JSON', 'string']],
  ['AUTH_DEFAULT_ROLE', ['admin', ' user', 'user ', 'us\ter']],
  ['AUTH_ANONYMOUS_ROLE', ['admin', ' ', 'anonymous\u00a0']],
  ['AUTH_SIGNUP', ['yes', '1', 'TRUE']],
  ['AUTH_PASSWORD_API', ['no', '0']],
  ['AUTH_USERNAME_AT', ['no', '@']],
  ['AUTH_PASSWORD_MIN_LENGTH', ['0', '73']],
  ['AUTH_PASSWORD_HASH', ['md5', 'argon2']],
  ['AUTH_BCRYPT_COST', ['3', '16']],
  [
    'AUTH_REDIRECT_ORIGINS',
    [
      '*',
      'https://*.a.test',
      'https://a.test/',
      'https://a.test/path?x',
      'https://a.test/path#x',
      'https://a.test/../path',
      'https://a.test/a*',
      'https://u@a.test/path',
      'HTTPS://a.test/path',
      'http://localhost:*',
      'https://127.0.0.1:*',
      'http://127.0.0.2:*',
      'http://127.0.0.1:*/',
      'http://127.0.0.1:*/cb?x',
      'app://callback',
      'https://A.test',
      'https://a.test:443',
      'a.test',
      'javascript://',
      'data://',
      'file://',
      'https://a.test,null',
    ],
  ],
  [
    'AUTH_CORS_ORIGINS',
    [
      '*',
      'null',
      'app://',
      'https://a.test/',
      'https://a.test/path',
      'http://127.0.0.1:*',
      'capacitor://localhost/',
      'capacitor://user@localhost',
      'chrome-extension://*',
      'file://localhost',
      'blob://a',
      'javascript://a',
    ],
  ],
  ['AUTH_TRUSTED_PROXIES', ['-1', 'true', '101']],
  ['AUTH_PASSWORD_POLICY', ['lax', 'STRICT']],
  ['AUTH_PASSWORD_WORDS', ['ab', 'acme, x', `acme,${'x'.repeat(101)}`]],
  ['AUTH_PASSWORD_BREACH_URL', ['pwned', 'ftp://ranges.test']],
  ['AUTH_HASH_QUEUE', ['-1', '100001']],
  ['AUTH_HASH_WAIT', ['0', '301']],
  ['AUTH_RATE_LIMIT', ['true', 'none']],
  ['AUTH_ACCOUNT_FAILURES', ['0', '1000001', 'many']],
  ['AUTH_SIGNUP_WINDOW', ['0', '86401', '5m']],
  ['WEB_CONCURRENCY', ['0', '65', 'auto']],
  ['LOG_LEVEL', ['verbose', 'INFO']],
]
for (const [variable, values] of refused) {
  test(`${variable} is rejected when it is ${values.join(' or ')}`, (t) => {
    for (const value of values) t.deepEqual(complaint({ [variable]: value }).names, [variable], value)
  })
}

test('AUTH_DEFAULT_ROLE may be admin only with AUTH_ALLOW_ADMIN_ROLE=true', (t) => {
  const env = { AUTH_DEFAULT_ROLE: 'admin', AUTH_ALLOW_ADMIN_ROLE: 'true' }
  t.is(parseConfig(env).roles.defaultRole, 'admin')
})

test('DATABASE_URL without a secret is rejected, because replicas need the same secret', (t) => {
  const env = { DATABASE_URL: 'postgres://db/claimgate' }
  t.deepEqual(complaint(env).names, ['AUTH_SECRET'])
  t.deepEqual(complaint({ ...env, AUTH_SECRET: 'x'.repeat(32) }).names, [])
})

test('WEB_CONCURRENCY above 1 requires a database server, because only one process can open the embedded database', (t) => {
  const env = { WEB_CONCURRENCY: '2', PORT: '-1' }
  t.deepEqual(complaint(env).names, ['PORT', 'WEB_CONCURRENCY'])
  const server = { DATABASE_URL: 'postgres://db/x', AUTH_SECRET: 'x'.repeat(32) }
  t.is(parseConfig({ WEB_CONCURRENCY: '2', ...server }).workers, 2)
  t.deepEqual(complaint({ WEB_CONCURRENCY: '2', ...server, DATABASE_URL: 'mysql://x' }).names, [
    'DATABASE_URL',
  ])
})

test('a provider with only one of client id and secret is rejected, and the message names the missing variable', (t) => {
  t.deepEqual(complaint({ AUTH_GITHUB_CLIENT_ID: 'x' }).names, ['AUTH_GITHUB_CLIENT_SECRET'])
  t.deepEqual(complaint({ AUTH_GITHUB_CLIENT_SECRET: 'x' }).names, ['AUTH_GITHUB_CLIENT_ID'])
  t.deepEqual(complaint({ AUTH_GITHUB_CLIENT_ID: 'x', AUTH_GITHUB_CLIENT_SECRET: '' }).names, [
    'AUTH_GITHUB_CLIENT_SECRET',
  ])
})

test('authorization, token and profile URL of a provider must be set together, so that no secret goes to another server', (t) => {
  const urls: Record<string, string> = {
    AUTH_GITHUB_AUTHORIZATION_URL: 'https://ghe.test/login/oauth/authorize',
    AUTH_GITHUB_TOKEN_URL: 'https://ghe.test/login/oauth/access_token',
    AUTH_GITHUB_PROFILE_URL: 'https://ghe.test/api/v3/user',
  }
  const names = Object.keys(urls)
  const client = { AUTH_GITHUB_CLIENT_ID: 'x', AUTH_GITHUB_CLIENT_SECRET: 'x' }
  fc.assert(
    fc.property(fc.subarray(names), fc.boolean(), (given, withEmails) => {
      const env: Record<string, string> = { ...client }
      for (const name of given) env[name] = urls[name] ?? ''
      if (withEmails) env.AUTH_GITHUB_EMAILS_URL = 'https://ghe.test/api/v3/user/emails'
      const isFine = given.length === names.length || (given.length === 0 && !withEmails)
      t.deepEqual(complaint(env).names, isFine ? [] : names.filter((name) => !given.includes(name)))
    }),
  )
})

test('AUTH_CONFIRM_SIGNIN requires the pages', (t) => {
  t.deepEqual(complaint({ AUTH_CONFIRM_SIGNIN: 'true', AUTH_PAGES: 'false' }).names, ['AUTH_CONFIRM_SIGNIN'])
  t.deepEqual(complaint({ AUTH_CONFIRM_SIGNIN: 'true' }).names, [])
})

test('AUTH_PASSWORD_API=false requires the pages', (t) => {
  const closed = { AUTH_PASSWORD_API: 'false' }
  const error = t.throws(() => parseConfig({ ...closed, AUTH_PAGES: 'false' }), { instanceOf: ConfigError })
  t.deepEqual(error?.problems, [
    'AUTH_PASSWORD_API=false requires AUTH_PAGES=true: users type their passwords on the pages',
  ])
  t.false(parseConfig(closed).passwordApi)
})

test('AUTH_COOKIE_MODE requires TLS or localhost', (t) => {
  const env = { AUTH_COOKIE_MODE: 'true' }
  t.deepEqual(complaint({ ...env, AUTH_PUBLIC_URL: 'http://auth.test' }).names, ['AUTH_COOKIE_MODE'])
  t.deepEqual(complaint({ ...env, AUTH_PUBLIC_URL: 'https://auth.test' }).names, [])
  t.deepEqual(complaint(env).names, [])
})

test('the message names quotation marks and a comment in an invalid value as the cause', (t) => {
  const problemsOf = (env: Record<string, string>) =>
    t.throws(() => parseConfig(env), { instanceOf: ConfigError })?.problems
  t.deepEqual(
    problemsOf({ PORT: '"8080"', AUTH_SIGNUP: "'true'", AUTH_COOKIE_MODE: 'true # in a browser' }),
    [
      'PORT must be a whole number from 0 to 65535; the quotation marks around it are part of the value: remove them',
      'AUTH_COOKIE_MODE must be true or false; the comment after it is part of the value: put the comment on a line of its own',
      'AUTH_SIGNUP must be true or false; the quotation marks around it are part of the value: remove them',
    ],
  )
  t.regex(problemsOf({ DATABASE_URL: '"postgres://u:p@h/d"' })?.[0] ?? '', /^DATABASE_URL .*quotation marks/)
  t.regex(problemsOf({ AUTH_PRIVATE_KEY: '"-----BEGIN"' })?.[0] ?? '', /^AUTH_PRIVATE_KEY .*quotation marks/)
  t.notRegex(problemsOf({ PORT: 'eighty' })?.[0] ?? '', /quotation|comment/)
})

test('a valid value in quotation marks is accepted, and its variable is listed', (t) => {
  const { audience, quotedVariables } = parseConfig({
    AUTH_AUDIENCE: '"hasura"',
    AUTH_ISSUER: 'https://a.test',
  })
  t.is(audience, '"hasura"')
  t.deepEqual(quotedVariables, ['AUTH_AUDIENCE'])
})
