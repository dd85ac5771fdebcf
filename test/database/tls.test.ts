import { connectServer } from '../../src/database/postgres.ts'
import { appTest, createServerDatabase, engines, patience } from '../_app.ts'
import { type PostgresServer, startPostgres } from '../_postgres.ts'
import test from '../_test.ts'
import { execute, sql } from './_databases.ts'

const server = engines.includes('server') ? await startPostgres({ tls: true }) : null
test.after.always('stop the server', () => server?.stop())

if (server?.certificate) declareTests(server, server.certificate)
else {
  const reason = server
    ? 'TEST_DATABASE_URL names the server, or openssl is missing'
    : 'the launcher runs without a server'
  test.skip(`TLS to the database was NOT tested: ${reason}`, (t) => t.fail())
}

function declareTests(server: PostgresServer, certificate: string): void {
  const withParameters = (parameters: Record<string, string>, base = server.url) => {
    const url = new URL(base)
    url.search = new URLSearchParams(parameters).toString()
    return url.href
  }

  const isEncrypted = async (parameters: Record<string, string>, base = server.url) => {
    const connection = connectServer(withParameters(parameters, base), () => {}, patience)
    try {
      const [row] = await sql(connection, 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()')
      await execute(connection, 'SELECT 1')
      await connection.exclusively(async () => {})
      return row?.ssl
    } finally {
      await connection.close()
    }
  }

  test('sslmode=require encrypts and accepts any certificate, as libpq does', async (t) => {
    t.true(await isEncrypted({ sslmode: 'require' }))
  })

  test('sslmode=prefer is as require here: without TLS at the server it does not fall back to plain text', async (t) => {
    t.true(await isEncrypted({ sslmode: 'prefer' }))
    const base = await createServerDatabase()
    for (const sslmode of ['prefer', 'require']) {
      const found = await isEncrypted({ sslmode }, base).catch(({ message }: Error) => message)
      t.true(found === true || found === 'The server does not support SSL connections', String(found))
    }
  })

  test('sslmode=verify-full accepts a certificate of the authority in sslrootcert', async (t) => {
    t.true(await isEncrypted({ sslmode: 'verify-full', sslrootcert: certificate }))
  })

  test('sslmode=verify-full rejects a certificate of an unknown authority', async (t) => {
    await t.throwsAsync(isEncrypted({ sslmode: 'verify-full' }), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
  })

  test('sslmode=disable, and no sslmode, do not encrypt', async (t) => {
    t.false(await isEncrypted({ sslmode: 'disable' }))
    t.false(await isEncrypted({}))
  })

  // Serial: it looks for unencrypted connections, and other tests make some.
  test.serial(
    'the gateway migrates and signs users in over sslmode=require',
    appTest({ databaseUrl: withParameters({ sslmode: 'require' }) }, async (t, app) => {
      await app.signup('anna')
      t.is((await app.login('anna')).status, 200)
      const plain = await app.sql(
        `SELECT a.query FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid)
       WHERE a.application_name = 'claimgate' AND NOT s.ssl`,
      )
      t.deepEqual(plain, [])
    }),
  )
}
