import { createMigratedDatabase, engines } from '../_app.ts'
import test from '../_test.ts'
import { runImport } from './_command.ts'
import { createSource, dumpTarget, fillMany, query } from './_sources.ts'

// The password of every URL here. No output may contain it.
const password = 'do-not-print-me'

type Case = { args: [string, string]; env?: Record<string, string>; code: number; says: RegExp }

const cases: Record<string, Case> = {
  'an unknown source': {
    args: ['okta', `postgres://me:${password}@127.0.0.1:1/x`],
    code: 64,
    says: /^claimgate: The source must be claimgate or one of seed, hasura-backend-plus, hasura-auth, supabase, auth0, firebase, keycloak, csv; its file or URL comes second\.\n$/,
  },
  'source and URL the wrong way round': {
    args: [`postgres://me:${password}@127.0.0.1:1/x`, 'seed'],
    code: 64,
    says: /^claimgate: The source must be claimgate or one of/,
  },
  'an invalid URL': {
    args: ['seed', `postgres//me:${password}@127.0.0.1`],
    code: 64,
    says: /^claimgate: The URL must be a postgres:\/\/ URL\.\n$/,
  },
  'a URL of another scheme': {
    args: ['seed', `mysql://me:${password}@127.0.0.1/x`],
    code: 64,
    says: /^claimgate: The URL must be a postgres:\/\/ URL\.\n$/,
  },
  'a URL with a password that is not encoded': {
    args: ['seed', `postgres://me:%${password}@127.0.0.1:1/x`],
    code: 69,
    says: /^claimgate: The source database cannot be read: .+\n$/,
  },
  'a server that cannot be reached': {
    args: ['seed', `postgres://me:${password}@127.0.0.1:1/x`],
    code: 69,
    says: /^claimgate: The source database cannot be read: .*ECONNREFUSED.*\n$/,
  },
  'a missing root certificate': {
    args: ['seed', `postgres://me:${password}@127.0.0.1:1/x?sslmode=verify-full&sslrootcert=/nowhere.pem`],
    code: 69,
    says: /^claimgate: The source database cannot be read: .+\n$/,
  },
  'an invalid configuration': {
    args: ['seed', `postgres://me:${password}@127.0.0.1:1/x`],
    env: { AUTH_KEY_BITS: '7', DATABASE_URL: `mysql://${password}` },
    code: 78,
    says: /\n {2}DATABASE_URL must be .*\n {2}AUTH_KEY_BITS must be /,
  },
}

for (const [name, { args, env = {}, code, says }] of Object.entries(cases)) {
  test(`${name}: exit code ${code}, one message, no password`, async (t) => {
    const result = await runImport(args, { env: { AUTH_DATA_DIR: '/nowhere/claimgate', ...env } })
    t.is(result.code, code)
    t.is(result.stdout, '')
    t.regex(result.stderr, says)
    t.false(result.stderr.includes(password))
  })
}

if (engines.includes('server')) {
  const layouts: Record<string, { source: Parameters<typeof createSource>; as: string; says: RegExp }> = {
    'an empty database': {
      source: [null],
      as: 'hasura-auth',
      says: /: there is no table auth\.users; there is no table auth\.user_roles; there is no table auth\.user_providers\.\n$/,
    },
    'the database of another program': {
      source: ['hasura-auth'],
      as: 'hasura-backend-plus',
      says: /not a hasura-backend-plus database, .*there is no table auth\.accounts;/,
    },
    'a missing column': {
      source: ['hasura-auth', 'ALTER TABLE auth.users DROP COLUMN email_verified'],
      as: 'hasura-auth',
      says: /: the table auth\.users has no column email_verified\.\n$/,
    },
    'ids of another type': {
      source: ['seed', 'DROP TABLE user_role; CREATE TABLE user_role (user_id integer, role_id uuid)'],
      as: 'seed',
      says: /: user_role\.user_id is not of the type uuid\.\n$/,
    },
  }
  for (const [name, { source, as, says }] of Object.entries(layouts)) {
    test(`${name}: exit code 65, and the message names every fault`, async (t) => {
      const { url } = await createSource(...source)
      const env = { AUTH_DATA_DIR: '/nowhere/claimgate' }
      const { code, stdout, stderr } = await runImport([as, url], { env })
      t.is(code, 65)
      t.is(stdout, '')
      t.regex(stderr, says)
    })
  }

  test('a wrong password or a missing database: exit code 69', async (t) => {
    const { url } = await createSource('seed')
    const [wrong, gone] = [new URL(url), new URL(url)]
    wrong.password = password
    gone.pathname = '/nowhere'
    for (const [bad, says] of [
      [wrong, /password authentication failed/],
      [gone, /"nowhere" does not exist/],
    ] as const) {
      const { code, stderr } = await runImport(['seed', bad.href], { env: {} })
      t.is(code, 69)
      t.regex(stderr, says)
      t.false(stderr.includes(password))
    }
  })

  test('the database in DATABASE_URL cannot be reached: exit code 69', async (t) => {
    const { url } = await createSource('seed')
    const env = { DATABASE_URL: `postgres://me:${password}@127.0.0.1:1/x` }
    const { code, stderr } = await runImport(['seed', url], { env })
    t.is(code, 69)
    t.regex(stderr, /^claimgate: The database in DATABASE_URL cannot be read: .*ECONNREFUSED/)
    t.false(stderr.includes(password))
  })

  test('tables without the SELECT privilege: exit code 69, nothing changed', async (t) => {
    const source = await createSource('seed', fillMany('seed', 3))
    const role = `reader_${Date.now()}`
    await source.sql(
      `CREATE ROLE ${role} LOGIN PASSWORD '${password}'; GRANT INSERT ON ALL TABLES IN SCHEMA public TO ${role}`,
    )
    const DATABASE_URL = await createMigratedDatabase()
    const before = await dumpTarget((text) => query(DATABASE_URL, text))
    const url = new URL(source.url)
    url.username = role
    url.password = password
    const { code, stderr } = await runImport(['seed', url.href], { env: { DATABASE_URL } })
    t.is(code, 69)
    t.is(stderr, 'claimgate: The source database cannot be read: permission denied for table user\n')
    t.is(await dumpTarget((text) => query(DATABASE_URL, text)), before)
  })
}
