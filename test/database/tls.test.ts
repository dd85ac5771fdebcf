import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectServer } from '../../src/database/postgres.ts'
import { appTest, createServerDatabase, engines, patience } from '../_app.ts'
import { chownAll, type PostgresServer, startPostgres } from '../_postgres.ts'
import test from '../_test.ts'
import { execute, sql } from './_databases.ts'

// The server runs as another user, who may not enter the launcher's folder.
const folder = await mkdtemp(join(tmpdir(), 'claimgate-socket-'))
// Google's proxy makes folders with colons in their names.
const socket = join(folder, 'project:region:name')
const server = engines.includes('server') ? await startServer() : null
test.after.always('stop the server', async () => {
  await server?.stop()
  await rm(folder, { recursive: true, force: true })
})

async function startServer(): Promise<PostgresServer> {
  await mkdir(socket)
  await chownAll(folder)
  return startPostgres({ tls: true, settings: { unix_socket_directories: socket } })
}

if (server?.certificate) declareTests(server, server.certificate)
else {
  const reason = server
    ? 'TEST_DATABASE_URL names the server, or openssl is missing'
    : 'the launcher runs without a server'
  test.skip(`TLS to the database was NOT tested: ${reason}`, (t) => t.fail())
}

function declareTests(server: PostgresServer, certificate: string): void {
  const withParameters = (parameters: Record<string, string>, base = server.url) =>
    `${base}?${new URLSearchParams(parameters)}`

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

  test('a missing sslrootcert fails the waiting statements and not the process, until the file is back', async (t) => {
    const copy = join(folder, 'authority.pem')
    await copyFile(certificate, copy)
    const url = withParameters({ sslmode: 'verify-full', sslrootcert: copy })
    const connection = connectServer(url, () => {}, patience, { poolSize: 1 })
    t.teardown(() => connection.close())
    await sql(connection, 'SELECT 1')
    await rm(copy)
    const ended = sql(connection, 'SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(9)')
    const waiting = sql(connection, 'SELECT 2')
    await t.throwsAsync(ended)
    await t.throwsAsync(waiting, { code: 'ENOENT' })
    await copyFile(certificate, copy)
    t.is((await sql(connection, 'SELECT 1')).length, 1)
  })

  test('sslmode=verify-full rejects a certificate of an unknown authority', async (t) => {
    await t.throwsAsync(isEncrypted({ sslmode: 'verify-full' }), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
  })

  test('sslmode=verify-full compares the certificate with the name of each host', async (t) => {
    const { username, password, port } = new URL(server.url)
    const through = (hosts: string) =>
      isEncrypted(
        { sslmode: 'verify-full', sslrootcert: certificate },
        `postgres://${username}:${password}@${hosts}/postgres`,
      )
    t.true(await through(`[::ffff:127.0.0.1]:1,localhost:${port}`))
    await t.throwsAsync(through(`localhost:1,[::ffff:127.0.0.1]:${port}`), {
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    })
  })

  test('a socket connects without TLS, whatever sslmode says', async (t) => {
    const { username, password, port } = new URL(server.url)
    const user = `${username}:${password}`
    const database = new URL(await server.createDatabase('socket')).pathname
    for (const url of [
      `postgres://${user}@${database}?host=${socket}&port=${port}`,
      `postgres://${user}@${encodeURIComponent(socket)}:${port}${database}`,
      `postgres://${user}@${database}?host=${encodeURIComponent(socket)}&port=${port}&sslmode=require`,
    ]) {
      const connection = connectServer(url, () => {}, patience)
      t.teardown(() => connection.close())
      const [row] = await sql(connection, 'SELECT inet_client_addr() AS address, current_database() AS name')
      t.deepEqual(row, { address: null, name: database.slice(1) }, url)
    }
  })

  test('sslmode=disable, and no sslmode, do not encrypt', async (t) => {
    t.false(await isEncrypted({ sslmode: 'disable' }))
    t.false(await isEncrypted({}))
  })

  test(
    'the gateway migrates and signs users in over a socket',
    appTest(
      {
        databaseUrl: server.url.replace(/@.*$/, `@/postgres?host=${socket}&port=${new URL(server.url).port}`),
      },
      async (t, app) => {
        await app.signup('berta')
        t.is((await app.login('berta')).status, 200)
        t.is((await app.get('/readyz')).status, 200)
      },
    ),
  )

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
