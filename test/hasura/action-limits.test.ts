import { quick, type TestApp } from '../_app.ts'
import test from '../_test.ts'
import { asUser, callAction, failed, startActions } from './_actions.ts'

const password = 'correct horse'
const limits = { AUTH_RATE_LIMIT: 'on', AUTH_LOGIN_FAILURES: '2', AUTH_SIGNUP_ATTEMPTS: '3' }
const from = (address: string) => ({ client: { 'X-Forwarded-For': address } })

async function startLimited(env: Record<string, string>): Promise<TestApp> {
  return startActions({ ...limits, ...env }, { engine: quick })
}

const tryLogin = (app: TestApp, address: string, guess = 'wrong') =>
  callAction(app, 'login', { username: 'anna', password: guess }, from(address))

const trySignup = (app: TestApp, username: string, address: string) =>
  callAction(app, 'signup', { username, password, confirmPassword: password }, from(address))

test('failed logins by the action and by the route count together, and the error has the seconds to wait', async (t) => {
  const app = await startLimited({})
  const anna = await app.signup('anna')
  t.is((await app.login('anna', 'wrong')).status, 401)
  failed(t, await tryLogin(app, '192.0.2.1'), 401, 'invalid_credentials')
  const answer = await tryLogin(app, '192.0.2.1', password)
  failed(t, answer, 429, 'rate_limited')
  const { extensions } = answer.body as { extensions: { retryAfter: number } }
  t.is(extensions.retryAfter, Number(answer.headers.get('retry-after')))
  t.is((await app.login('anna')).status, 429)
  const change = { currentPassword: password, newPassword: 'another horse' }
  failed(t, await callAction(app, 'changePassword', change, asUser(anna)), 429, 'rate_limited')
  t.is(app.logs.filter(({ event }) => event === 'login.limited').length, 3)
  await app.close()
})

test('without AUTH_TRUSTED_PROXIES all clients of Hasura count as one address, also with X-Forwarded-For', async (t) => {
  const app = await startLimited({})
  for (const each of [1, 2, 3]) t.is((await trySignup(app, `user-${each}`, `192.0.2.${each}`)).status, 200)
  failed(t, await trySignup(app, 'user-4', '192.0.2.4'), 429, 'rate_limited')
  await app.close()
})

test('with AUTH_TRUSTED_PROXIES each client has its own limits, and cannot choose its address', async (t) => {
  const app = await startLimited({ AUTH_TRUSTED_PROXIES: '1' })
  for (const each of [1, 2, 3]) t.is((await trySignup(app, `user-${each}`, '192.0.2.1')).status, 200)
  failed(t, await trySignup(app, 'user-4', '198.51.100.9, 192.0.2.1'), 429, 'rate_limited')
  t.is((await trySignup(app, 'user-4', '192.0.2.2')).status, 200)
  await app.close()
})

test('metrics count an action like its route', async (t) => {
  const app = await startLimited({ AUTH_METRICS: 'true' })
  await app.signup('anna')
  for (const guess of ['wrong', password]) await tryLogin(app, '192.0.2.1', guess)
  const { text } = await app.get('/metrics')
  t.regex(text, /claimgate_logins_total\{provider="local",outcome="ok"\} 2\n/)
  t.regex(text, /claimgate_logins_total\{provider="local",outcome="invalid_credentials"\} 1\n/)
  t.regex(text, /request_duration_seconds_count\{[^}]*route="\/hasura\/actions",status="401"\} 1\n/)
  await app.close()
})
