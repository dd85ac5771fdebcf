import { objectTypes } from '../../src/hasura/operations.ts'
import { enginesOfRun, type SessionBody, type TestApp } from '../_app.ts'
import test from '../_test.ts'
import { during } from '../observability/_events.ts'
import { act, asUser, callAction, failed, startActions } from './_actions.ts'

const password = 'correct horse'
const fieldsOf = (type: string) => Object.keys(objectTypes[type]?.fields ?? {}).sort()

for (const engine of enginesOfRun) {
  let app: TestApp
  test.serial.before(`${engine}: start`, async () => {
    app = await startActions({ AUTH_COOKIE_MODE: 'true' }, { engine })
  })
  test.after.always(`${engine}: stop`, () => app?.close())

  const signup = (username: string, more = {}) =>
    act(app, 'signup', { username, password, confirmPassword: password, ...more })

  test(`${engine}: signup and login answer a session with the members of AuthSession, refresh token included in cookie mode`, async (t) => {
    const made = await signup('anna', { email: null })
    t.deepEqual(Object.keys(made).sort(), fieldsOf('AuthSession'))
    const answer = await callAction<SessionBody>(app, 'login', { username: 'ANNA', password })
    t.is(answer.body.id, made.id)
    t.is((await app.claimsOf(answer.body.token))['x-hasura-user-id'], made.id)
    t.is(answer.headers.get('set-cookie'), null)
    t.is(answer.headers.get('cache-control'), 'no-store')
  })

  test(`${engine}: refreshToken gives the next pair once, and logout ends the session for routes, actions and remote schema`, async (t) => {
    const { refreshToken } = await signup('berta')
    const next = await act(app, 'refreshToken', { refreshToken })
    t.not(next.refreshToken, refreshToken)
    t.deepEqual(await act(app, 'logout', { refreshToken, everywhere: null }), { ok: true })
    failed(
      t,
      await callAction(app, 'refreshToken', { refreshToken: next.refreshToken }),
      401,
      'invalid_token',
    )
    failed(t, await callAction(app, 'me', {}, asUser(next)), 401, 'invalid_token')
    t.is((await app.as(next).get('/user')).status, 401)
  })

  test(`${engine}: me answers what GET /user answers`, async (t) => {
    const session = await signup('clara', { email: 'clara@example.test' })
    const me = await act<Record<string, unknown>>(app, 'me', {}, asUser(session))
    t.deepEqual(me, (await app.as(session).get('/user')).body)
    t.deepEqual(Object.keys(me).sort(), fieldsOf('AuthUser'))
  })

  test(`${engine}: changePassword requires the current password, and ends all other sessions`, async (t) => {
    const session = await signup('dora')
    const other = await act(app, 'login', { username: 'dora', password })
    const change = (currentPassword: string) =>
      callAction(app, 'changePassword', { currentPassword, newPassword: 'another horse' }, asUser(session))
    failed(t, await change('wrong horse'), 401, 'invalid_credentials')
    t.deepEqual((await change(password)).body, { ok: true })
    failed(t, await callAction(app, 'login', { username: 'dora', password }), 401, 'invalid_credentials')
    failed(t, await callAction(app, 'me', {}, asUser(other)), 401, 'invalid_token')
    t.is((await callAction(app, 'me', {}, asUser(session))).status, 200)
  })

  test(`${engine}: providers answers what GET /providers answers`, async (t) => {
    const providers = await act<Record<string, unknown>[]>(app, 'providers')
    t.deepEqual(providers, (await app.get('/providers')).body as unknown as typeof providers)
    t.deepEqual(Object.keys(providers[0] ?? {}).sort(), fieldsOf('AuthProvider'))
  })

  test.serial(`${engine}: an action is announced like its route`, async (t) => {
    const made = await during(app, () => signup('emma'))
    t.deepEqual(made.names, ['signup', 'login.ok'])
    t.like(made.events[1], { userId: made.answer.id, provider: 'local' })
    const wrong = { username: 'emma', password: 'wrong horse' }
    const missed = await during(app, () => callAction(app, 'login', wrong))
    t.is(missed.events.length, 1)
    t.like(missed.events[0], {
      event: 'login.failed',
      reason: 'wrong_password',
      userId: made.answer.id,
      requestId: missed.answer.headers.get('x-request-id'),
    })
    const { refreshToken } = made.answer
    t.deepEqual((await during(app, () => act(app, 'logout', { refreshToken }))).names, ['logout'])
    t.deepEqual((await during(app, () => callAction(app, 'refreshToken', { refreshToken }))).names, [
      'refresh.failed',
    ])
  })
}
