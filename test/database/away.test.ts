import { connectServer } from '../../src/database/postgres.ts'
import { databaseMessages } from '../../src/process/failure-report.ts'
import { createMigratedDatabase, engines, patience, startApp } from '../_app.ts'
import test from '../_test.ts'
import { until } from '../_until.ts'
import { startRelay } from '../http/_relay.ts'
import { during } from '../observability/_events.ts'
import { sql } from './_databases.ts'

if (engines.includes('server')) {
  test('while the server is unreachable, requests that need it get 503 database_unavailable; afterwards they succeed', async (t) => {
    const relay = await startRelay(await createMigratedDatabase())
    t.teardown(relay.cut)
    const app = await startApp({ databaseUrl: relay.url })
    t.teardown(app.close)
    const { token, refreshToken } = await app.signup('anna')
    const asAnna = { Authorization: `Bearer ${token}` }
    const needing = [
      () => app.login('anna'),
      () => app.post('/token', { refreshToken }),
      () => app.get('/user', asAnna),
      () => app.get('/webhook', asAnna),
      () => app.get('/readyz'),
    ]

    await relay.cut()
    for (const request of needing) {
      const { status, body, headers } = await request()
      t.like({ status, ...body }, { status: 503, code: 'database_unavailable' })
      t.is(headers.get('retry-after'), '5')
    }
    t.is((await app.get('/jwks')).status, 200)
    t.is((await app.get('/healthz')).status, 200)
    const prisma = await app.gateway.database.prisma()
    for (const work of [
      () => prisma.user.count(),
      () => prisma.$transaction((tx) => tx.user.count()),
      () => prisma.$transaction([prisma.user.count()]),
    ]) {
      await t.throwsAsync(work, { code: 'database_unavailable' })
    }

    await relay.mend()
    for (const request of needing) t.is((await request()).status, 200)
  })

  test('an outage is no event of an attack, and two lines of the log, however many requests it fails', async (t) => {
    const relay = await startRelay(await createMigratedDatabase())
    t.teardown(relay.cut)
    const app = await startApp({ databaseUrl: relay.url, env: { AUTH_METRICS: 'true' } })
    t.teardown(app.close)
    const { token, refreshToken } = await app.signup('anna')
    await relay.cut()
    const { events } = await during(app, async () => {
      for (let round = 0; round < 5; round++) {
        const answers = await Promise.all([
          app.login('anna'),
          app.post('/signup', { username: 'berta', password: 'a password', confirmPassword: 'a password' }),
          app.post('/token', { refreshToken }),
          app.post('/token/exchange', { code: 'cgc_some-code' }),
          app.as({ token }).post('/user/step-up', { password: 'correct horse' }),
        ])
        for (const { status } of answers) t.is(status, 503)
      }
    })
    t.deepEqual(events, [])
    t.notRegex((await app.get('/metrics')).text, /_total\{.*database_unavailable/)
    const linesOf = (message: string) => app.logs.filter(({ msg }) => msg === message).length
    await relay.mend()
    await until(() => linesOf(databaseMessages.back) > 0)
    t.is((await app.login('anna')).status, 200)
    t.deepEqual([linesOf(databaseMessages.away), linesOf(databaseMessages.back)], [1, 1])
    const problems = app.logs.filter(({ level, requestId }) => requestId !== undefined && Number(level) >= 40)
    t.deepEqual(problems, [])
  })

  test('a statement whose connection is cut fails as database_unavailable, with Prisma and without', async (t) => {
    const url = await createMigratedDatabase()
    const app = await startApp({ databaseUrl: url })
    t.teardown(app.close)
    const other = connectServer(url, () => {}, patience)
    t.teardown(() => other.close())
    const { database } = app.gateway
    const prisma = await database.prisma()
    for (const work of [
      () => database.query({ name: '', text: 'SELECT pg_sleep(100)::text' }, []),
      () => prisma.$queryRaw`SELECT pg_sleep(100)::text`,
    ]) {
      const sleeping = t.throwsAsync(work, { code: 'database_unavailable' })
      await terminate(other, `query LIKE '%pg_sleep(100)%'`)
      await sleeping
    }
  })

  test('a connection that stopped answering within a transaction is not used again', async (t) => {
    const relay = await startRelay(await createMigratedDatabase())
    t.teardown(relay.cut)
    const app = await startApp({ databaseUrl: relay.url, env: { AUTH_DATABASE_TIMEOUT: '3' } })
    t.teardown(app.close)
    const prisma = await app.gateway.database.prisma()
    const silenced = prisma.$transaction(async (tx) => {
      await tx.user.count()
      relay.swallow()
      await tx.user.count()
    })
    await t.throwsAsync(silenced, { code: 'database_unavailable' })
    await relay.mend()
    const counts = await Promise.all(Array.from({ length: 20 }, () => prisma.user.count()))
    t.deepEqual(new Set(counts), new Set([0]))
  })

  test('an exhausted pool is database_unavailable, with Prisma and without, and within a transaction', async (t) => {
    // Long enough that Prisma's limit is the first to expire.
    const app = await startApp({ engine: 'server', env: { AUTH_DATABASE_TIMEOUT: '10' } })
    t.teardown(app.close)
    const { database } = app.gateway
    const prisma = await database.prisma()
    const taken = Promise.all(
      Array.from({ length: 10 }, () => database.query({ name: '', text: 'SELECT pg_sleep(5)::text' }, [])),
    )
    await Promise.all([
      t.throwsAsync(
        prisma.$transaction((tx) => tx.user.count()),
        { code: 'database_unavailable' },
      ),
      t.throwsAsync(prisma.user.count(), { code: 'database_unavailable' }),
      t.throwsAsync(database.query({ name: '', text: 'SELECT 1' }, []), { code: 'database_unavailable' }),
    ])
    await taken
    t.is(await prisma.user.count(), 0)
  })

  test('idle connections that the server closes are logged and replaced', async (t) => {
    const url = await createMigratedDatabase()
    const app = await startApp({ databaseUrl: url })
    t.teardown(app.close)
    await app.signup('anna')
    const other = connectServer(url, () => {}, patience)
    t.teardown(() => other.close())
    await terminate(other, `application_name = 'claimgate' AND state = 'idle'`)
    await until(() => app.logs.some(({ msg }) => msg === 'idle database connection lost'))
    t.is((await app.login('anna')).status, 200)
  })
} else {
  test('only a server can be unreachable', (t) => t.pass())
}

type Connection = ReturnType<typeof connectServer>

/** Cuts the other connections of this database that match the SQL `condition`, as soon as one exists. */
async function terminate(connection: Connection, condition: string): Promise<void> {
  const text = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND ${condition}`
  await until(async () => (await sql(connection, text)).length > 0)
}
