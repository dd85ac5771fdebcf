import { readFile } from 'node:fs/promises'
import { type Answer, quick, root, type SessionBody, startApp, type TestApp } from '../_app.ts'
import test from '../_test.ts'

let app: TestApp

test.before(async () => {
  app = await startApp({
    engine: quick,
    env: { AUTH_COOKIE_MODE: 'true', AUTH_CORS_ORIGINS: 'https://app.gateway.test' },
  })
})
test.after.always(() => app?.close())

const origin = { Origin: 'https://app.gateway.test' }
const refreshCookie = (answer: Answer) =>
  answer.headers.getSetCookie().find((cookie) => cookie.startsWith('__Host-claimgate-refresh=')) ?? ''
const pairOf = (cookie: string) => cookie.split(';')[0] as string

async function signup(username: string) {
  const body = { username, password: 'correct horse', confirmPassword: 'correct horse' }
  const answer = await app.post<SessionBody>('/signup', body)
  return { answer, cookie: refreshCookie(answer as unknown as Answer) }
}

function token(cookie: string, headers: Record<string, string> = origin) {
  return app.call('POST', '/token', { body: {}, headers: { Cookie: cookie, ...headers } })
}

test('the refresh token is in a cookie that no script reads, and not in the body', async (t) => {
  const { answer, cookie } = await signup('cookies')
  t.is(answer.status, 200)
  t.false('refreshToken' in answer.body)
  t.truthy(answer.body.token)
  for (const part of [/; httponly/i, /; secure/i, /; samesite=strict/i, /; path=\/(;|$)/])
    t.regex(cookie, part)
  t.notRegex(cookie, /domain=/i)
})

test('POST /token takes the cookie from an allowed origin and sets the next one', async (t) => {
  const { cookie } = await signup('refresher')
  const answer = await token(pairOf(cookie))
  t.is(answer.status, 200)
  t.false('refreshToken' in answer.body)
  t.not(pairOf(refreshCookie(answer)), pairOf(cookie))
  t.is((await token(pairOf(refreshCookie(answer)), { Origin: 'https://gateway.test' })).status, 200)
  t.is(answer.headers.get('access-control-allow-credentials'), 'true')
})

test('POST /user/step-up sets the next cookie of the same session', async (t) => {
  const { answer, cookie } = await signup('stepping')
  const stepped = await app.call('POST', '/user/step-up', {
    body: { method: 'password', password: 'correct horse' },
    headers: { Authorization: `Bearer ${answer.body.token}`, ...origin },
  })
  t.is(stepped.status, 200)
  t.false('refreshToken' in stepped.body)
  t.not(pairOf(refreshCookie(stepped)), pairOf(cookie))
  t.is((await token(pairOf(refreshCookie(stepped)))).status, 200)
})

test('a cookie from another origin, from none, or from a cross-site page is refused', async (t) => {
  const { cookie } = await signup('guarded')
  for (const headers of [
    {},
    { Origin: 'https://evil.test' },
    { Origin: 'null' },
    { ...origin, 'Sec-Fetch-Site': 'cross-site' },
    { ...origin, 'Sec-Fetch-Site': 'none' },
  ]) {
    const answer = await token(pairOf(cookie), headers as Record<string, string>)
    t.is(answer.status, 403)
    t.is(answer.body.code, 'origin_not_allowed')
  }
  const { status } = await token(pairOf(cookie), { ...origin, 'Sec-Fetch-Site': 'same-site' })
  t.is(status, 200)
})

test.serial('a listed app in a web view or extension may send the cookie, and no other', async (t) => {
  const listed = ['capacitor://localhost', 'chrome-extension://abcdefghijklmnopabcdefghijklmnop']
  const other = await startApp({ env: { AUTH_COOKIE_MODE: 'true', AUTH_CORS_ORIGINS: listed.join(' ') } })
  t.teardown(other.close)
  const body = { username: 'native', password: 'correct horse', confirmPassword: 'correct horse' }
  let cookie = pairOf(refreshCookie((await other.post('/signup', body)) as Answer))
  const send = (headers: Record<string, string>) =>
    other.call('POST', '/token', { body: {}, headers: { Cookie: cookie, ...headers } })
  for (const Origin of ['null', 'capacitor://other', 'chrome-extension://other', 'https://app.gateway.test'])
    t.is((await send({ Origin, 'Sec-Fetch-Site': 'none' })).status, 403, Origin)
  for (const Origin of listed) {
    for (const site of ['cross-site', 'none', 'same-site']) {
      const answer = await send({ Origin, 'Sec-Fetch-Site': site })
      t.is(answer.status, 200, `${Origin} ${site}`)
      cookie = pairOf(refreshCookie(answer))
    }
  }
})

test('POST /logout takes the cookie back, and a request without one is 401', async (t) => {
  const { cookie } = await signup('leaver')
  const headers = { Cookie: pairOf(cookie), ...origin }
  const answer = await app.call('POST', '/logout', { body: {}, headers })
  t.is(answer.status, 204)
  t.regex(refreshCookie(answer), /__Host-claimgate-refresh=;.*expires=Thu, 01 Jan 1970/i)
  t.is((await token(pairOf(cookie))).status, 401)
  t.is((await app.post('/token', {})).status, 401)
})

const logins = {
  'the same user': { path: '/login', body: { username: 'replacing', password: 'correct horse' } },
  'another user': { path: '/login', body: { username: 'beside', password: 'correct horse' } },
  'a new user': {
    path: '/signup',
    body: { username: 'newcomer', password: 'correct horse', confirmPassword: 'correct horse' },
  },
}
const signIn = (cookie: string, { path, body }: { path: string; body: object }) =>
  app.call<SessionBody>('POST', path, { body, headers: { ...origin, Cookie: cookie } })
const isAlive = async ({ token }: SessionBody) =>
  (await app.get('/user', { Authorization: `Bearer ${token}` })).status === 200

test.serial('a sign-in ends the session whose cookie it replaces, and no other', async (t) => {
  const { answer: elsewhere } = await signup('replacing')
  await signup('beside')
  for (const [who, login] of Object.entries(logins)) {
    const first = await signIn('', logins['the same user'])
    const cookie = pairOf(refreshCookie(first as unknown as Answer))
    const second = await signIn(cookie, login)
    t.is(second.status, 200, who)
    t.false(await isAlive(first.body), who)
    t.is((await token(cookie)).status, 401, who)
    t.true(await isAlive(second.body), who)
    t.is((await token(pairOf(refreshCookie(second as unknown as Answer)))).status, 200, who)
  }
  t.true(await isAlive(elsewhere.body))
})

test.serial('a sign-in with a cookie that does not verify ends no session', async (t) => {
  const { answer, cookie } = await signup('kept')
  const forged = pairOf(cookie).slice(0, -4).concat('AAAA')
  t.is(
    (await signIn(forged, { path: '/login', body: { username: 'kept', password: 'correct horse' } })).status,
    200,
  )
  const wrong = { path: '/login', body: { username: 'kept', password: 'wrong horse' } }
  t.is((await signIn(pairOf(cookie), wrong)).status, 401)
  t.true(await isAlive(answer.body))
})

test.serial('a sign-in with the cookie of an ended session announces no end of it', async (t) => {
  const { cookie } = await signup('ended')
  const login = { path: '/login', body: { username: 'ended', password: 'correct horse' } }
  const endings = () => app.logs.filter(({ event }) => event === 'logout').length
  const before = endings()
  for (let round = 0; round < 2; round++) t.is((await signIn(pairOf(cookie), login)).status, 200)
  t.is(endings(), before + 1)
})

test.serial('a refresh and a step-up end no session of their own cookie', async (t) => {
  const { answer, cookie } = await signup('own-cookie')
  const stepped = await app.call('POST', '/user/step-up', {
    body: { method: 'password', password: 'correct horse' },
    headers: { Authorization: `Bearer ${answer.body.token}`, Cookie: pairOf(cookie), ...origin },
  })
  t.is(stepped.status, 200)
  t.is((await token(pairOf(refreshCookie(stepped)))).status, 200)
  t.true(await isAlive(answer.body))
})

test('the code for an app in the guides sends and keeps the cookie', async (t) => {
  for (const name of ['github-google', 'instant-roles']) {
    const guide = await readFile(new URL(`docs/how-to/${name}.md`, root), 'utf8')
    t.regex(/fetch\([^\n]*\/token.*?\n {2}\}\)/s.exec(guide)?.[0] ?? '', /credentials: 'include'/)
  }
  // A browser keeps the cookie of such an answer only with this header, in either mode.
  for (const mode of ['true', 'false']) {
    const other = await startApp({
      env: { AUTH_COOKIE_MODE: mode, AUTH_CORS_ORIGINS: 'https://app.gateway.test' },
    })
    t.teardown(() => other.close())
    const answer = await other.call('POST', '/token/exchange', { body: { code: 'x' }, headers: origin })
    t.is(answer.headers.get('access-control-allow-credentials'), 'true')
  }
})

test('without cookie mode the cookie counts for nothing', async (t) => {
  const plain = await startApp({ engine: quick })
  t.teardown(() => plain.close())
  const session = await plain.signup('plain')
  const headers = { Cookie: `__Host-claimgate-refresh=${session.refreshToken}`, ...origin }
  t.is((await plain.call('POST', '/token', { body: {}, headers })).status, 422)
})
