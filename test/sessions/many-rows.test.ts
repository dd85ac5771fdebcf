import pg from 'pg'
import { createSweep } from '../../src/stores/sweep.ts'
import { createUserAdmin } from '../../src/stores/user-admin.ts'
import { createMigratedDatabase, engines, startApp } from '../_app.ts'
import { isLong, rounds } from '../_rounds.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { until } from '../_until.ts'

const sessionsOfUser = rounds(3_000, 500_000)
const expiredRows = rounds(12_000, 2_000_000)

/** In milliseconds; only the long test has enough rows for a measurement. */
const limit = isLong ? 1_000 : Number.POSITIVE_INFINITY

/** Runs work and logs its time. Fails when it takes a second or more in the long test. */
async function timed<T>(t: ExecutionContext, name: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now()
  const result = await work()
  const time = performance.now() - start
  t.log(`${name}: ${Math.round(time)} ms`)
  t.true(time < limit, name)
  return result
}

/** Opens a connection without a time limit. */
async function connect(t: ExecutionContext, databaseUrl: string) {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  t.teardown(() => client.end())
  return {
    addSessions: (userId: string, number: number, end: string) =>
      client.query(
        `INSERT INTO session (user_id, epoch, created_at, idle_expires_at, expires_at)
         SELECT u.id, u.session_epoch, now() - interval '3 days' + n * interval '1 ms', now() + $2::interval, now() + $2::interval
         FROM "user" u, generate_series(1, ${number}) n WHERE u.id = $1`,
        [userId, end],
      ),
    count: async (where: string) =>
      Number((await client.query(`SELECT count(*) FROM session s WHERE ${where}`)).rows[0].count),
  }
}

if (engines.includes('server')) {
  test.serial('a user with very many sessions can list, end and lose all of them, and sign in', async (t) => {
    t.timeout(600_000)
    const databaseUrl = await createMigratedDatabase()
    const app = await startApp({ databaseUrl, env: { AUTH_DATABASE_TIMEOUT: '5' } })
    t.teardown(app.close)
    const { addSessions } = await connect(t, databaseUrl)
    const { id } = await app.signup('hoarder')
    const admin = createUserAdmin(app.gateway.database)
    const fill = () => addSessions(id, sessionsOfUser, '9 days')

    await fill()
    const own = await timed(t, 'login', async () => (await app.login('hoarder')).body)
    const page = await timed(t, 'list', () => app.as(own).get<object[]>('/user/sessions'))
    t.is(page.body.length, 50)
    const body = { currentPassword: 'correct horse', newPassword: 'a better horse' }
    const change = () => app.as(own).post('/user/password', body)
    t.is((await timed(t, 'password change', change)).status, 204)
    t.is((await app.as(own).get<object[]>('/user/sessions')).body.length, 1)

    await fill()
    const everywhere = { refreshToken: own.refreshToken, everywhere: true }
    t.is((await timed(t, 'log-out everywhere', () => app.post('/logout', everywhere))).status, 204)
    t.is((await app.as(own).get('/user')).status, 401)
    const next = (await app.login('hoarder', 'a better horse')).body
    t.is((await app.as(next).get<object[]>('/user/sessions')).body.length, 1)

    await fill()
    t.true(await timed(t, 'deactivation', () => admin.setActive(id, false)))
    t.is((await app.as(next).get('/user')).status, 401)
    t.is((await app.login('hoarder', 'a better horse')).status, 401)
  })

  test.serial('a login is answered while very many expired rows are swept', async (t) => {
    t.timeout(1_200_000)
    const databaseUrl = await createMigratedDatabase()
    const app = await startApp({ databaseUrl, env: { AUTH_DATABASE_TIMEOUT: '5' } })
    t.teardown(app.close)
    const { addSessions, count } = await connect(t, databaseUrl)
    const { id } = await app.signup('idle')
    await app.signup('busy')
    await addSessions(id, expiredRows / 2, '-2 days')
    await addSessions(id, expiredRows / 2, '9 days')
    t.true(await createUserAdmin(app.gateway.database).setActive(id, false))
    // The newest thousand rows are marked as ended, and may stay for a day.
    const dead = `s.user_id = '${id}' AND (s.revoked_at IS NULL OR s.expires_at < now())`
    let isSwept = false
    const start = performance.now()
    const sweeping = createSweep(app.gateway.database)(new Date()).finally(() => {
      isSwept = true
    })
    const times: number[] = []
    do {
      const asked = performance.now()
      t.is((await app.login('busy')).status, 200)
      times.push(performance.now() - asked)
    } while (!isSwept)
    const swept = await sweeping
    t.log(`swept ${swept} rows in ${Math.round(performance.now() - start)} ms`)
    t.log(`${times.length} logins, the slowest in ${Math.round(Math.max(...times))} ms`)
    t.true(swept > 0)
    // In the long test the gateway's own job sweeps too, and leaves out the same rows.
    await until(async () => (await count(dead)) === 0)
  })
}
