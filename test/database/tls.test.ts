import test from 'ava'
import { connectServer } from '../../src/database/server.ts'
import { engines, startApp } from '../_app.ts'
import { type PostgresServer, startPostgres } from '../_postgres.ts'
import { sql } from './_databases.ts'

const server = engines.includes('server') ? await startPostgres({ tls: true }) : null
test.after.always('stop the server', () => server?.stop())

// A server that was given, or a machine without openssl, has no certificate to try this with.
if (server?.certificate) declareTests(server, server.certificate)
else test('there is no TLS server to test with', (t) => t.pass())

function declareTests(server: PostgresServer, certificate: string): void {
  const withParameters = (parameters: Record<string, string>) => {
    const url = new URL(server.url)
    url.search = new URLSearchParams(parameters).toString()
    return url.href
  }

  const isEncrypted = async (parameters: Record<string, string>) => {
    const connection = connectServer(withParameters(parameters), () => {})
    try {
      const [row] = await sql(connection, 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()')
      await connection.execute('SELECT 1')
      await connection.exclusively(async () => {})
      return row?.ssl
    } finally {
      await connection.close()
    }
  }

  test('sslmode=require encrypts and takes any certificate, as libpq does', async (t) => {
    t.true(await isEncrypted({ sslmode: 'require' }))
  })

  test('sslmode=verify-full takes a certificate of the authority in sslrootcert', async (t) => {
    t.true(await isEncrypted({ sslmode: 'verify-full', sslrootcert: certificate }))
  })

  test('sslmode=verify-full refuses a certificate that nobody known has signed', async (t) => {
    await t.throwsAsync(isEncrypted({ sslmode: 'verify-full' }), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
  })

  test('sslmode=disable, and no sslmode, do not encrypt', async (t) => {
    t.false(await isEncrypted({ sslmode: 'disable' }))
    t.false(await isEncrypted({}))
  })

  // Alone: it looks for connections that are not encrypted, and other tests make some.
  test.serial('the gateway migrates and signs people in over sslmode=require', async (t) => {
    const app = await startApp({ databaseUrl: withParameters({ sslmode: 'require' }) })
    t.teardown(app.close)
    await app.signup('anna')
    t.is((await app.login('anna')).status, 200)
    const plain = await app.sql(
      `SELECT a.query FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid)
       WHERE a.application_name = 'claimgate' AND NOT s.ssl`,
    )
    t.deepEqual(plain, [])
  })
}
