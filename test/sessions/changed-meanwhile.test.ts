import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { appTest, engines, startApp, type TestApp } from '../_app.ts'
import { refused } from '../_problem.ts'
import test from '../_test.ts'
import { until } from '../_until.ts'
import { githubber, signIn, startStage } from '../authentication/_sign-in.ts'

// Only a server has two transactions at once.
if (engines.includes('server')) {
  let app: TestApp
  test.serial.before('start', async () => {
    app = await startApp({ engine: 'server' })
  })
  test.after.always('stop', () => app?.close())

  for (const [username, what, change] of [
    ['changing', 'the password is changed', `password = '$2b$04$abcdefghijklmnopqrstuuu'`],
    ['leaving', 'the user is deactivated', 'active = false'],
  ] as const) {
    test.serial(`a login that is under way while ${what} begins no session`, async (t) => {
      const { id } = await app.signup(username)
      const client = new pg.Client({ connectionString: app.config.databaseUrl })
      await client.connect()
      t.teardown(() => client.end())
      await client.query('BEGIN')
      await client.query(`UPDATE "user" SET ${change} WHERE id = $1`, [id])
      const login = app.login(username)
      // Long enough for the password to be verified against what is committed.
      await sleep(300)
      await client.query('COMMIT')
      refused(t, await login, 401, 'invalid_credentials')
      const living = await app.sql('SELECT 1 FROM session WHERE user_id = $1 AND revoked_at IS NULL', [id])
      t.deepEqual(living, [])
    })
  }

  test.serial('a sign-in that is under way while its provider is unlinked begins no session', async (t) => {
    const stage = await startStage({ engine: 'server' })
    t.teardown(stage.stop)
    const profile = githubber()
    const { id } = (await signIn(stage, 'github', profile)).body
    const client = new pg.Client({ connectionString: stage.app.config.databaseUrl })
    await client.connect()
    t.teardown(() => client.end())
    const pid = (await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid
    await client.query('BEGIN')
    await client.query('SELECT 1 FROM "user" WHERE id = $1 FOR UPDATE', [id])
    await client.query('DELETE FROM identity WHERE user_id = $1', [id])
    const again = signIn(stage, 'github', profile)
    const waiting = 'SELECT 1 FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))'
    await until(async () => (await stage.app.sql(waiting, [pid])).length > 0)
    await client.query('UPDATE session SET revoked_at = now() WHERE user_id = $1', [id])
    await client.query('COMMIT')
    refused(t, await again, 401, 'invalid_credentials')
    const living = await stage.app.sql('SELECT 1 FROM session WHERE user_id = $1 AND revoked_at IS NULL', [
      id,
    ])
    t.deepEqual(living, [])
  })

  test.serial('of logins at the moment of a change none leaves a session that outlives it', async (t) => {
    const { id } = await app.signup('hurried')
    const logins = Array.from({ length: 8 }, () => app.login('hurried'))
    await sleep(5)
    await app.sql(`UPDATE "user" SET password = 'none' WHERE id = $1`, [id])
    await Promise.all(logins)
    const living = await app.sql('SELECT 1 FROM session WHERE user_id = $1 AND revoked_at IS NULL', [id])
    t.deepEqual(living, [])
  })
}

test.serial(
  'with everywhere, the token of a session that has ended ends no other',
  appTest({}, async (t, app) => {
    const { refreshToken: ended } = await app.signup('leaver')
    t.is((await app.post('/logout', { refreshToken: ended })).status, 204)
    const { body } = await app.login('leaver')
    t.is((await app.post('/logout', { refreshToken: ended, everywhere: true })).status, 204)
    t.is((await app.as(body).get('/user')).status, 200)
    t.is((await app.post('/logout', { refreshToken: body.refreshToken, everywhere: true })).status, 204)
    t.is((await app.as(body).get('/user')).status, 401)
  }),
)
