import { type Answer, engines, startApp, type TestApp } from '../_app.ts'
import { refused } from '../_problem.ts'
import test from '../_test.ts'

const on = { AUTH_RATE_LIMIT: 'on' }
const password = 'correct horse'

function limited(t: Parameters<typeof refused>[0], answer: Parameters<typeof refused>[1]): void {
  refused(t, answer, 429, 'rate_limited')
  t.regex(answer.headers.get('retry-after') ?? '', /^[1-9]\d*$/)
}

for (const engine of engines) {
  let app: TestApp
  test.serial.before(`start ${engine}`, async () => {
    app = await startApp({ engine, env: { ...on, AUTH_LOGIN_FAILURES: '3', AUTH_ADDRESS_FAILURES: '1000' } })
  })
  test.after.always(`stop ${engine}`, () => app?.close())

  test(`${engine}: after AUTH_LOGIN_FAILURES wrong passwords the right one is 429 too, and others go on`, async (t) => {
    await app.signup('anna')
    await app.signup('berta')
    for (let round = 0; round < 3; round++)
      refused(t, await app.login('anna', 'wrong'), 401, 'invalid_credentials')
    limited(t, await app.login('anna'))
    limited(t, await app.login('ANNA', 'wrong'))
    t.is((await app.login('berta')).status, 200)
  })

  test(`${engine}: a limit does not reveal whether a user exists`, async (t) => {
    await app.signup('known')
    for (const username of ['known', 'unknown']) {
      const statuses = []
      for (let round = 0; round < 5; round++) statuses.push((await app.login(username, 'wrong')).status)
      t.deepEqual(statuses, [401, 401, 401, 429, 429], username)
    }
  })

  test(`${engine}: of a burst of guesses no more than AUTH_LOGIN_FAILURES are looked at`, async (t) => {
    await app.signup('burst')
    const answers = await Promise.all(Array.from({ length: 25 }, () => app.login('burst', 'wrong')))
    t.is(answers.filter(({ status }) => status === 401).length, 3)
    t.is(answers.filter(({ status }) => status === 429).length, 22)
  })

  test(`${engine}: logins that succeed are never counted`, async (t) => {
    await app.signup('steady')
    for (let round = 0; round < 8; round++) t.is((await app.login('steady')).status, 200)
  })

  test(`${engine}: the current password is guessed at POST /user/password no more often than at /login`, async (t) => {
    const { token } = await app.signup('changing')
    const change = (currentPassword: string) =>
      app.call('POST', '/user/password', {
        body: { currentPassword, newPassword: 'another password' },
        headers: { Authorization: `Bearer ${token}` },
      })
    for (let round = 0; round < 3; round++) refused(t, await change('wrong'), 401, 'invalid_credentials')
    limited(t, await change(password))
    limited(t, await app.login('changing'))
  })

  test(`${engine}: at POST /user/step-up the password is guessed no more often than at /login`, async (t) => {
    const { token } = await app.signup('stepping')
    const stepUp = (guess: string) =>
      app.call('POST', '/user/step-up', {
        body: { method: 'password', password: guess },
        headers: { Authorization: `Bearer ${token}` },
      })
    refused(t, await app.login('stepping', 'wrong'), 401, 'invalid_credentials')
    for (let round = 0; round < 2; round++) refused(t, await stepUp('wrong'), 401, 'invalid_credentials')
    limited(t, await stepUp(password))
    limited(t, await app.login('stepping'))
  })
}

test.serial(
  'sign-ups, refreshes and callbacks are limited by address, also failed ones; the webhook and /jwks are not',
  async (t) => {
    const env = { ...on, AUTH_SIGNUP_ATTEMPTS: '2', AUTH_REFRESH_ATTEMPTS: '2', AUTH_CALLBACK_ATTEMPTS: '2' }
    const github = { AUTH_GITHUB_CLIENT_ID: 'id', AUTH_GITHUB_CLIENT_SECRET: 'secret' }
    const app = await start(t, { env: { ...env, ...github } })
    const { token } = await app.signup('anna')
    const twice = { username: 'anna', password, confirmPassword: password }
    refused(t, await app.post('/signup', twice), 409, 'username_taken')
    limited(t, await app.post('/signup', { ...twice, username: 'berta' }))
    for (let round = 0; round < 2; round++)
      refused(t, await app.post('/token', { refreshToken: 'x' }), 401, 'invalid_token')
    limited(t, await app.post('/token', { refreshToken: 'x' }))
    limited(t, await app.post('/token/exchange', { code: 'x'.repeat(43) }))
    for (let round = 0; round < 2; round++)
      refused(t, await app.get('/auth/github/callback?code=x&state=y'), 403, 'invalid_state')
    limited(t, await app.get('/auth/github/callback?code=x&state=y'))
    for (let round = 0; round < 30; round++) {
      t.is((await app.as({ token }).get('/webhook')).status, 200)
      t.is((await app.get('/jwks')).status, 200)
    }
  },
)

test.serial(
  'a browser that has signed in before signs in while others use up the attempts of its account',
  async (t) => {
    const env = {
      ...on,
      AUTH_LOGIN_FAILURES: '2',
      AUTH_ACCOUNT_FAILURES: '2',
      AUTH_TRUSTED_PROXIES: '1',
      AUTH_SIGNUP_ATTEMPTS: '10',
    }
    const app = await start(t, { env })
    const sendFrom = (address: string, path: string, body: object, cookie = '') =>
      app.call('POST', path, { body, headers: { 'X-Forwarded-For': address, Cookie: cookie } })
    const logIn = (username: string, cookie: string, guess = password) =>
      sendFrom('192.0.2.1', '/login', { username, password: guess }, cookie)
    const cookieOf = ({ headers }: Answer) =>
      headers
        .getSetCookie()
        .find((cookie) => cookie.startsWith('__Host-claimgate-device-'))
        ?.split(';')[0] ?? ''

    await app.signup('anna')
    await app.signup('berta')
    await app.signup('ánna')
    const signedIn = await sendFrom('198.51.100.7', '/login', { username: 'anna', password })
    const header = signedIn.headers.getSetCookie().join()
    for (const part of ['secure', 'httponly', 'samesite=lax', 'path=/']) t.true(header.includes(part), header)
    const ofAnna = cookieOf(signedIn)
    const ofBerta = cookieOf(await sendFrom('198.51.100.7', '/login', { username: 'berta', password }))
    const ofSimilar = cookieOf(await sendFrom('198.51.100.7', '/login', { username: 'ánna', password }))
    t.false(header.includes('anna'))

    for (let round = 0; round < 3; round++) await logIn('anna', '', 'wrong')
    limited(t, await logIn('anna', ''))
    limited(t, await logIn('anna', ofBerta))
    limited(t, await logIn('anna', ofSimilar))
    const forged = ofAnna.replace(/(?<=\.)[^.]+(?=\.)/, 'AAAAAAAAAAAAAAAAAAAAAA')
    t.not(forged, ofAnna)
    limited(t, await logIn('anna', forged))
    // The value of a cookie is of one account.
    for (const other of [ofBerta, ofSimilar])
      limited(t, await logIn('anna', `${ofAnna.split('=')[0]}=${other.split('=')[1]}`))
    const again = await logIn('ANNA', ofAnna)
    t.is(again.status, 200)
    // The browser stays one device, with one counter.
    t.is(cookieOf(again).split('.')[1], ofAnna.split('.')[1])
    for (let round = 0; round < 2; round++) t.is((await logIn('anna', ofAnna, 'wrong')).status, 401)
    limited(t, await logIn('anna', ofAnna))
    app.clock.advance(15_552_000)
    t.is((await sendFrom('198.51.100.7', '/login', { username: 'anna', password })).status, 200)
    limited(t, await logIn('anna', ofAnna))
  },
)

test.serial(
  'behind a proxy each client has its own limits, and cannot write itself a new address',
  async (t) => {
    const env = { ...on, AUTH_LOGIN_FAILURES: '2', AUTH_TRUSTED_PROXIES: '1' }
    const app = await start(t, { env })
    await app.signup('anna')
    const guess = async (forwarded: string) =>
      (
        await app.call('POST', '/login', {
          body: { username: 'anna', password: 'wrong' },
          headers: { 'X-Forwarded-For': forwarded },
        })
      ).status
    t.deepEqual(
      [
        await guess('203.0.113.1, 198.51.100.1'),
        await guess('203.0.113.2, 198.51.100.1'),
        await guess('203.0.113.3, 198.51.100.1'),
      ],
      [401, 401, 429],
    )
    t.is(await guess('203.0.113.3, 198.51.100.2'), 401)
  },
)

if (engines.includes('server'))
  test.serial('replicas on one database count together', async (t) => {
    const env = { ...on, AUTH_LOGIN_FAILURES: '3' }
    const one = await start(t, { engine: 'server', env })
    const other = await start(t, { databaseUrl: one.config.databaseUrl ?? '', env })
    await one.signup('anna')
    const statuses = []
    for (const app of [one, other, one, other, one]) statuses.push((await app.login('anna', 'wrong')).status)
    t.deepEqual(statuses, [401, 401, 401, 429, 429])
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => [one.login('berta'), other.login('berta')]).flat(),
    )
    t.deepEqual([...new Set(answers.map(({ status }) => status))].sort(), [401, 429])
    t.is(answers.filter(({ status }) => status === 401).length, 3)
    const rows = await one.sql<{ key: string }>('SELECT key FROM rate_limit')
    t.true(rows.length > 0)
    t.false(rows.some(({ key }) => /anna|127\.0\.0\.1/.test(key)))
  })

async function start(
  t: { teardown(work: () => Promise<void>): void },
  options: Parameters<typeof startApp>[0],
): Promise<TestApp> {
  const app = await startApp(options)
  t.teardown(app.close)
  return app
}
