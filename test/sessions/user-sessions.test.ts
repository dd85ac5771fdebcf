import { enginesOfRun, type SessionBody, startApp, type TestApp } from '../_app.ts'
import test from '../_test.ts'

type Listed = { id: string; current: boolean; userAgent: string | null; address: string | null }

const bearer = ({ token }: SessionBody) => ({ Authorization: `Bearer ${token}` })
const list = async (app: TestApp, session: SessionBody) =>
  (await app.as(session).get<Listed[]>('/user/sessions')).body

for (const engine of enginesOfRun) {
  let app: TestApp
  test.before(`${engine}: start`, async () => {
    app = await startApp({ engine })
  })
  test.after.always(`${engine}: stop`, () => app?.close())

  test(`${engine}: GET /user/sessions lists where the user is signed in and which session is this one`, async (t) => {
    const first = await app.signup('lister')
    const second = (await app.login('lister')).body
    const sessions = await list(app, second)
    t.is(sessions.length, 2)
    t.is(sessions.filter(({ current }) => current).length, 1)
    t.deepEqual(Object.keys(sessions[0] as object).sort(), [
      'address',
      'app',
      'createdAt',
      'current',
      'expiresAt',
      'id',
      'lastUsedAt',
      'provider',
      'userAgent',
    ])
    t.is(sessions[0]?.address, '127.0.0.1')
    t.is((await list(app, first)).length, 2)
  })

  test(`${engine}: DELETE /user/sessions/:id ends the user's own session at once and no session of another user`, async (t) => {
    const mine = await app.signup('ender')
    const other = (await app.login('ender')).body
    const stranger = await app.signup('stranger')
    const otherId = (await list(app, mine)).find(({ current }) => !current)?.id
    const path = `/user/sessions/${otherId}`
    t.is((await app.call('DELETE', path, { headers: bearer(stranger) })).status, 404)
    t.is((await app.as(other).get('/user')).status, 200)
    t.is((await app.call('DELETE', path, { headers: bearer(mine) })).status, 204)
    t.is((await app.as(other).get('/user')).status, 401)
    t.is((await app.as(other).get('/webhook')).status, 401)
    t.is((await app.post('/token', { refreshToken: other.refreshToken })).status, 401)
    t.is((await app.call('DELETE', path, { headers: bearer(mine) })).status, 404)
    t.is((await app.as(mine).get('/user')).status, 200)
  })

  test(`${engine}: DELETE /user/sessions with rubbish for an id is 404`, async (t) => {
    const mine = await app.signup('rubbish-ids')
    for (const id of ['1', 'x'.repeat(300), '%00', "'%20OR%201=1", '__proto__']) {
      t.is((await app.as(mine).call('DELETE', `/user/sessions/${id}`)).status, 404, id)
    }
    t.is((await app.call('DELETE', '/user/sessions/1')).status, 401)
  })

  test(`${engine}: POST /user/password needs the current password and ends all other sessions`, async (t) => {
    const mine = await app.signup('changer', 'old password')
    const other = (await app.login('changer', 'old password')).body
    const change = (body: object) => app.as(mine).post('/user/password', body)
    const wrong = await change({ currentPassword: 'nope', newPassword: 'new password' })
    t.is(wrong.status, 401)
    t.is(wrong.body.code, 'invalid_credentials')
    t.regex(String(wrong.body.detail), /currentPassword/)
    t.is((await change({ newPassword: 'new password' })).status, 401)
    t.is((await change({ currentPassword: 'old password', newPassword: 'x' })).status, 422)
    t.is((await change({ currentPassword: 'old password', newPassword: 'é'.repeat(1025) })).status, 422)
    t.is((await app.as(other).get('/user')).status, 200)
    t.is((await change({ currentPassword: 'old password', newPassword: 'new password' })).status, 204)
    t.is((await app.as(mine).get('/user')).status, 200)
    t.is((await app.as(other).get('/user')).status, 401)
    t.is((await app.login('changer', 'old password')).status, 401)
    t.is((await app.login('changer', 'new password')).status, 200)
  })

  test(`${engine}: a user without a password sets the first one without a current one`, async (t) => {
    const mine = await app.signup('provider-only')
    await app.sql(
      `UPDATE "user" SET password = NULL WHERE id = $1 AND set_config('claimgate.keep_session', 'all', true) = 'all'`,
      [mine.id],
    )
    const options = { headers: bearer(mine), body: { newPassword: 'my first one' } }
    t.is((await app.call('POST', '/user/password', options)).status, 204)
    t.is((await app.login('provider-only', 'my first one')).status, 200)
  })
}
