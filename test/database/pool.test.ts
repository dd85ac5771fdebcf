import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { parseConnectionString } from '../../src/database/connection-string.ts'
import { connectServer } from '../../src/database/postgres.ts'
import { createRoute, openClient } from '../../src/database/server-client.ts'
import { ServerPool } from '../../src/database/server-pool.ts'
import { createMigratedDatabase, createServerDatabase, engines, patience, startApp } from '../_app.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { until } from '../_until.ts'
import { startRelay } from '../http/_relay.ts'
import { sql } from './_databases.ts'
import { pgbouncer, startPgbouncer } from './_pgbouncer.ts'

/** Creates a database and a role that may open this number of connections. Returns the URL of the role. */
async function createLimited(t: ExecutionContext, limit: number): Promise<string> {
  const url = new URL(await createMigratedDatabase())
  const client = new pg.Client(url.href)
  await client.connect()
  const role = `limited_${url.pathname.slice(-12)}`
  await client.query(`CREATE ROLE ${role} SUPERUSER LOGIN PASSWORD 'pw' CONNECTION LIMIT ${limit}`)
  // The limit does not hold for a superuser.
  await client.query(`ALTER ROLE ${role} NOSUPERUSER`)
  for (const kind of ['TABLES', 'SEQUENCES', 'FUNCTIONS'])
    await client.query(`GRANT ALL ON ALL ${kind} IN SCHEMA public TO ${role}`)
  t.teardown(async () => {
    await client.query(`DROP OWNED BY ${role}`)
    await client.query(`DROP ROLE ${role}`)
    await client.end()
  })
  url.username = role
  url.password = 'pw'
  return url.href
}

if (engines.includes('server')) {
  test('with CONNECTION LIMIT 5, 40 requests at once are all answered, and readiness and LISTEN work', async (t) => {
    const databaseUrl = await createLimited(t, 5)
    const app = await startApp({ engine: 'server', databaseUrl, env: { AUTH_RATE_LIMIT: 'off' } })
    t.teardown(app.close)
    await app.signup('anna')
    const answers = await Promise.all(Array.from({ length: 40 }, () => app.login('anna')))
    t.deepEqual(
      answers.filter(({ status }) => status !== 200).map(({ body }) => body),
      [],
    )
    const statements = await Promise.all(Array.from({ length: 40 }, () => app.get('/readyz')))
    t.deepEqual([...new Set(statements.map(({ status }) => status))], [200])
  })

  test('a pool of 10 that may have 3 connections answers 40 statements at once', async (t) => {
    const connection = connectServer(await createLimited(t, 3), () => {}, patience)
    t.teardown(() => connection.close())
    const work = Array.from({ length: 40 }, () => sql(connection, 'SELECT pg_sleep(0.01)::text, 1 AS one'))
    t.is((await Promise.all(work)).length, 40)
    const apart = connection.queryApart({ name: '', text: 'SELECT 1 AS one' }, [])
    t.deepEqual(await apart, [{ one: 1 }], 'readiness gets a connection of the full pool')
  })

  test('a pool asks a full server for few connections more than it has slots', async (t) => {
    const address = parseConnectionString(await createLimited(t, 5))
    const route = createRoute(address)
    let attempts = 0
    const current = () => {
      attempts++
      return route.current()
    }
    const connectionTimeoutMillis = patience * 1000
    const settings = { address, route: { ...route, current }, session: {}, connectionTimeoutMillis }
    const pool = new ServerPool({ ...settings, max: 40 })
    await Promise.all(Array.from({ length: 200 }, () => pool.query('SELECT pg_sleep(0.01)')))
    await pool.end()
    t.true(attempts < 80, `${attempts} attempts`)
  })

  test('a full server is waited for, also when the next host is away', async (t) => {
    const full = new URL(await createLimited(t, 1))
    const holder = new pg.Client(full.href)
    await holder.connect()
    const several = `postgres://${full.username}:pw@${full.host},127.0.0.1:1${full.pathname}`
    const connection = connectServer(several, () => {}, patience)
    t.teardown(() => connection.close())
    const answer = sql(connection, 'SELECT 1 AS one')
    // Long enough for both hosts to refuse several times; a shorter time proves less and fails never.
    await sleep(500)
    await holder.end()
    t.deepEqual(await answer, [{ one: 1 }])
  })

  test('no connection is opened for a caller that has given up', async (t) => {
    const address = parseConnectionString(await createServerDatabase())
    const config = { address, route: createRoute(address), session: {} }
    const reason = new Error('given up')
    t.is(await t.throwsAsync(openClient(config, AbortSignal.abort(reason))), reason)
  })

  test('AUTH_DATABASE_POOL is the number of connections for requests', async (t) => {
    const url = await createServerDatabase()
    const connection = connectServer(url, () => {}, patience, { poolSize: 3 })
    t.teardown(() => connection.close())
    await Promise.all(Array.from({ length: 20 }, () => sql(connection, 'SELECT pg_sleep(0.01)::text')))
    t.is((connection.pool?.().used ?? 0) + (connection.pool?.().idle ?? 0), 3)
  })

  test('with several hosts the next one is used when a host is away, read-only or lost', async (t) => {
    const url = new URL(await createServerDatabase())
    const [first, second] = [await startRelay(url.href), await startRelay(url.href)]
    t.teardown(() => Promise.all([first.cut(), second.cut()]))
    const hostOf = (relay: { url: string }) => new URL(relay.url).host
    const several = `${url.protocol}//${url.username}:${url.password}@${hostOf(first)},${hostOf(second)}${url.pathname}`
    const connection = connectServer(several, () => {}, patience)
    t.teardown(() => connection.close())
    const ask = () => sql(connection, 'SELECT 1 AS one')
    await ask()
    await first.cut()
    await until(() =>
      ask().then(
        () => true,
        () => false,
      ),
    )
    t.deepEqual(await ask(), [{ one: 1 }])
    await second.cut()
    await t.throwsAsync(ask())
    await first.mend()
    await until(() =>
      ask().then(
        () => true,
        () => false,
      ),
    )

    await second.mend()
    const name = url.pathname.slice(1)
    await sql(connection, `ALTER DATABASE "${name}" SET default_transaction_read_only TO on`)
    const demoted = connectServer(several, () => {}, patience)
    t.teardown(() => demoted.close())
    await t.throwsAsync(sql(demoted, 'SELECT 1'), { message: /read-only/ })
  })

  if (pgbouncer !== null)
    test('a pooler without a free client connection makes statements wait', async (t) => {
      const pooler = await startPgbouncer(t, await createServerDatabase(), {
        pool_mode: 'transaction',
        max_client_conn: '4',
      })
      const connection = connectServer(pooler.url, () => {}, patience)
      t.teardown(() => connection.close())
      const work = Array.from({ length: 40 }, () => sql(connection, 'SELECT pg_sleep(0.01)::text, 1 AS one'))
      t.is((await Promise.all(work)).length, 40)
    })
}
