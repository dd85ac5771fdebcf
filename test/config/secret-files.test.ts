import { generateKeyPairSync } from 'node:crypto'
import { parseConfig } from '../../src/config/config.ts'
import type { SecretFile } from '../../src/config/secrets.ts'
import { ConfigError } from '../../src/errors.ts'
import test, { type ExecutionContext } from '../_test.ts'

const secret = 'a secret that is only good for tests 0123456789'
const database = 'postgres://user:password@db.test/app'
const pem = generateKeyPairSync('rsa', { modulusLength: 2048 })
  .privateKey.export({ format: 'pem', type: 'pkcs8' })
  .toString()

/** Parses an environment in which every named file has this content. */
const parse = (env: Record<string, string>, contents: Record<string, SecretFile>) =>
  parseConfig(env, ['github', 'my-idp'], { secrets: new Map(Object.entries(contents)) })

const problemsOf = (t: ExecutionContext, ...args: Parameters<typeof parse>): readonly string[] =>
  t.throws(() => parse(...args), { instanceOf: ConfigError })?.problems ?? []

test('every secret may be in a file instead of its variable', (t) => {
  const contents = {
    DATABASE_URL_FILE: database,
    AUTH_SECRET_FILE: secret,
    AUTH_PREVIOUS_SECRET_FILE: `${secret} 2`,
    AUTH_ACTION_SECRET_FILE: `${secret} 3`,
    AUTH_WEBHOOK_SECRET_FILE: `${secret} 4`,
    AUTH_PRIVATE_KEY_FILE: pem,
    AUTH_MY_IDP_CLIENT_SECRET_FILE: 'client secret',
  }
  const paths = Object.fromEntries(Object.keys(contents).map((name) => [name, `/run/secrets/${name}`]))
  const files = Object.fromEntries(Object.entries(contents).map(([name, content]) => [name, { content }]))
  const config = parse({ ...paths, WEB_CONCURRENCY: '2', AUTH_MY_IDP_CLIENT_ID: 'id' }, files)
  t.is(config.databaseUrl, database)
  t.is(config.secret, secret)
  t.is(config.previousSecret, `${secret} 2`)
  t.is(config.actionSecret, `${secret} 3`)
  t.is(config.webhookSecret, `${secret} 4`)
  t.truthy(config.keyPair)
  t.is(config.providers.get('my-idp')?.clientSecret, 'client secret')
  t.deepEqual(config.unknownVariables, [])
})

test('a variable and its file at once are rejected, because one of them would have no effect', (t) => {
  const env = { AUTH_SECRET: secret, AUTH_SECRET_FILE: '/run/secrets/a', DATABASE_URL: database }
  t.deepEqual(problemsOf(t, env, { AUTH_SECRET_FILE: { content: secret } }), [
    'AUTH_SECRET_FILE and AUTH_SECRET are both set: unset one of them',
  ])
})

test('a file that cannot be used is one problem, with the variable and the path', (t) => {
  const env = {
    AUTH_SECRET_FILE: '/run/secrets/a',
    DATABASE_URL: database,
    AUTH_GITHUB_CLIENT_ID: 'id',
    AUTH_GITHUB_CLIENT_SECRET_FILE: '/run/secrets/g',
  }
  const problem = 'is empty'
  t.deepEqual(
    problemsOf(t, env, { AUTH_SECRET_FILE: { problem }, AUTH_GITHUB_CLIENT_SECRET_FILE: { problem } }),
    [
      'AUTH_SECRET_FILE names the file /run/secrets/a, which is empty',
      'AUTH_GITHUB_CLIENT_SECRET_FILE names the file /run/secrets/g, which is empty',
    ],
  )
})

test('a content that is not valid is rejected by variable and path, and not shown', (t) => {
  const problems = problemsOf(
    t,
    { AUTH_SECRET_FILE: '/run/secrets/a' },
    { AUTH_SECRET_FILE: { content: 'short' } },
  )
  t.deepEqual(problems, [
    'AUTH_SECRET_FILE (the content of /run/secrets/a) must have at least 32 bytes (try: openssl rand -base64 48)',
  ])
})

test('a variable without a secret has no file, and an empty path counts as unset', (t) => {
  t.deepEqual(parse({ AUTH_ISSUER_FILE: '/x', AUTH_SECRET_FILE: '' }, {}).unknownVariables, [
    'AUTH_ISSUER_FILE',
  ])
})
