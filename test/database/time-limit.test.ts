import pg from 'pg'
import { toCommandError } from '../../src/cli/failure.ts'
import { translateFailure } from '../../src/database/failures.ts'
import { appTest, createMigratedDatabase, engines, startApp } from '../_app.ts'
import test from '../_test.ts'

const failed = (code: string) => translateFailure(Object.assign(new Error('cancelled'), { code }))

test('a statement that took too long, a locked row and an unreachable database have details of their own', (t) => {
  const slow = /took longer for a statement than AUTH_DATABASE_TIMEOUT/
  const locked = /stayed locked for longer than AUTH_DATABASE_TIMEOUT/
  for (const [code, detail] of [
    ['57014', slow],
    ['55P03', locked],
    ['ECONNREFUSED', /does not answer/],
  ] as const) {
    const error = failed(code) as { code: string; status: number; detail: string; headers: object }
    t.like(error, { code: 'database_unavailable', status: 503, headers: { 'Retry-After': '5' } })
    t.regex(error.detail, detail)
  }
  t.regex(toCommandError(failed('57014')).message, slow)
  t.regex(toCommandError(failed('55P03')).message, locked)
  t.is(toCommandError(failed('57014')).exitCode, 69)
})

if (engines.includes('server')) {
  test('a request whose statement meets a locked row is 503 with this reason, in the log too', async (t) => {
    const databaseUrl = await createMigratedDatabase()
    const app = await startApp({ databaseUrl, env: { AUTH_DATABASE_TIMEOUT: '2' } })
    t.teardown(app.close)
    const { id, refreshToken } = await app.signup('anna')
    const locker = new pg.Client(databaseUrl)
    await locker.connect()
    t.teardown(() => locker.end())
    await locker.query('BEGIN')
    await locker.query('SELECT FROM session WHERE user_id = $1 FOR UPDATE', [id])
    const { status, body } = await app.post('/token', { refreshToken })
    t.is(status, 503)
    t.is(body.code, 'database_unavailable')
    t.regex(String(body.detail), /stayed locked for longer than AUTH_DATABASE_TIMEOUT/)
    t.true(app.logs.some(({ msg }) => msg === body.detail))
  })

  test(
    'a statement that the server cancels has this reason',
    appTest({ env: { AUTH_DATABASE_TIMEOUT: '1' } }, async (t, app) => {
      for (const work of [
        () => app.gateway.database.query({ name: '', text: 'SELECT pg_sleep(30)::text' }, []),
        async () => (await app.gateway.database.prisma()).$queryRaw`SELECT pg_sleep(30)::text`,
      ])
        await t.throwsAsync(work, { message: /took longer for a statement than AUTH_DATABASE_TIMEOUT/ })
    }),
  )
}
