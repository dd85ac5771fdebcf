import pg from 'pg'
import { createMigratedDatabase, engines, startApp } from '../_app.ts'
import { refused } from '../_problem.ts'
import test from '../_test.ts'

if (engines.includes('server')) {
  for (const [row, lock] of [
    ['session', 'SELECT FROM session WHERE user_id = $1 FOR UPDATE'],
    ['user', 'SELECT FROM "user" WHERE id = $1 FOR UPDATE'],
  ] as const) {
    test(`a locked ${row} row and a client that retries keep no other client and no probe waiting`, async (t) => {
      const databaseUrl = await createMigratedDatabase()
      const app = await startApp({ databaseUrl, env: { AUTH_DATABASE_TIMEOUT: '5' } })
      t.teardown(app.close)
      const { id, refreshToken } = await app.signup('anna')
      const other = await app.signup('bert')
      const locker = new pg.Client(databaseUrl)
      await locker.connect()
      await locker.query('BEGIN')
      await locker.query(lock, [id])

      const retry = () => (row === 'session' ? app.post('/token', { refreshToken }) : app.login('anna'))
      const retries = Array.from({ length: 40 }, retry)
      // All of them wait, except the ones that have given up.
      refused(t, await Promise.race(retries), 503, 'database_unavailable')
      t.is((await app.get('/readyz')).status, 200)
      t.is((await app.post('/token', { refreshToken: other.refreshToken })).status, 200)
      t.is((await app.login('bert')).status, 200)

      await locker.end()
      const statuses = (await Promise.all(retries)).map(({ status }) => status)
      t.deepEqual([...new Set(statuses)].sort(), [200, 503])
    })
  }
} else {
  test('locks require a server', (t) => t.pass())
}
