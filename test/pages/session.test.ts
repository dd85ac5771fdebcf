import { cookieName } from '../_cookies.ts'
import { makeDirectory } from '../_directory.ts'
import test from '../_test.ts'
import { alertsOf, type CookieBrowser, openCookieBrowser, plain, signUp, tokenOf } from './_cookie-browser.ts'
import { type Stage, startPages } from './_pages.ts'

let stage: Stage
test.before('start', async () => {
  stage = await startPages()
})
test.after.always('stop', () => stage?.stop())

const password = 'correct horse'
const sessionsOf = (username: string) =>
  stage.app.sql<{ id: string; revoked_reason: string | null }>(
    `SELECT s.id, s.revoked_reason FROM session s JOIN "user" u ON u.id = s.user_id WHERE u.username = $1 ORDER BY s.created_at`,
    [username],
  )

test('the cookie of the pages is no credential for any route of the JSON interface', async (t) => {
  const browser = openCookieBrowser(stage)
  await signUp(browser, 'ambient')
  const cookie = `${cookieName(stage.url, 'claimgate')}=${browser.cookies.get(cookieName(stage.url, 'claimgate'))}`
  const [session] = await sessionsOf('ambient')
  for (const [method, path, body] of [
    ['GET', '/user'],
    ['GET', '/user/sessions'],
    ['DELETE', `/user/sessions/${session?.id}`],
    ['POST', '/user/password', { newPassword: 'another horse' }],
    ['POST', '/user/identities/github', {}],
    ['DELETE', '/user/identities/github'],
  ] as const) {
    const answer = await stage.app.call(method, path, {
      body,
      headers: { Cookie: cookie, Origin: stage.url },
    })
    t.is(answer.status, 401, `${method} ${path}`)
  }
  const token = await stage.app.call('POST', '/token', { body: {}, headers: { Cookie: cookie } })
  t.is(token.status, 422)
  const bearer = { Authorization: `Bearer ${browser.cookies.get(cookieName(stage.url, 'claimgate'))}` }
  t.is((await stage.app.get('/user', bearer)).status, 401)
  t.is((await stage.app.get('/webhook', bearer)).status, 401)
})

test('a session of a page that is ended elsewhere is over at the next click, and its cookie is taken back', async (t) => {
  const browser = openCookieBrowser(stage)
  await signUp(browser, 'elsewhere')
  const form = tokenOf(await browser.get('/account'))
  const { body } = await stage.app.login('elsewhere')
  const list = await stage.app.get<{ id: string; current: boolean }[]>('/user/sessions', {
    Authorization: `Bearer ${body.token}`,
  })
  const page = list.body.find(({ current }) => !current)
  const headers = { Authorization: `Bearer ${body.token}` }
  t.is((await stage.app.call('DELETE', `/user/sessions/${page?.id}`, { headers })).status, 204)
  const late = await browser.send('/account/sessions/end-others', { csrf: form })
  t.is(late.location, '/signin?error=invalid_token')
  t.false(browser.cookies.has(cookieName(stage.url, 'claimgate')))
  t.regex(alertsOf(await browser.get(late.location ?? '')), /session has ended/)
  t.is((await browser.get('/account')).location, '/signin')
})

test('a user who is deactivated is signed out of the pages', async (t) => {
  const browser = openCookieBrowser(stage)
  await signUp(browser, 'deactivated')
  await stage.app.sql(`UPDATE "user" SET active = false WHERE username = 'deactivated'`)
  t.is((await browser.get('/account')).location, '/signin')
})

test('a cookie that was changed, or sealed for another purpose, signs no user in', async (t) => {
  const browser = openCookieBrowser(stage)
  await signUp(browser, 'sealed')
  const cookie = browser.cookies.get(cookieName(stage.url, 'claimgate')) ?? ''
  const start = await browser.get('/signin/github')
  t.is(start.status, 302)
  const flow = browser.cookies.get('claimgate-flow') ?? ''
  // In the middle, because the last character has unused bits.
  const changed = cookie.replace(
    /[^.]{3}\.([\w-]+)$/,
    (end) => `${end.startsWith('AAA') ? 'BBB' : 'AAA'}${end.slice(3)}`,
  )
  for (const value of [changed, flow, 'x', '%00']) {
    browser.cookies.set(cookieName(stage.url, 'claimgate'), value)
    const { location, text } = await browser.get('/account')
    t.is(location, '/signin', `${value} ${text}`)
  }
  browser.cookies.set('claimgate-flow', cookie)
  const callback = await browser.get('/auth/github/callback?code=x&state=y')
  t.regex(callback.location ?? '', /\/signin\?error=invalid_state$/)
})

test('signing out again in another tab is no failure, and of no use to another site', async (t) => {
  const browser = openCookieBrowser(stage)
  await signUp(browser, 'tabbed')
  const csrf = tokenOf(await browser.get('/account'))
  t.is((await browser.send('/account/signout', { csrf }, { Origin: 'https://evil.test' })).status, 403)
  t.is((await browser.send('/account/signout', { csrf: '' })).status, 403)
  t.is((await browser.send('/account/signout', { csrf })).location, '/signed-out')
  t.is((await browser.send('/account/signout', { csrf })).location, '/signed-out')
})

test('signing out ends the session, and going back shows nothing: no page may be kept', async (t) => {
  const browser = openCookieBrowser(stage)
  await signUp(browser, 'leaver')
  const cookie = browser.cookies.get(cookieName(stage.url, 'claimgate')) ?? ''
  const account = await browser.get('/account')
  t.is(account.headers.get('cache-control'), 'no-store')
  const out = await browser.submit('/account', '/account/signout')
  t.is(out.status, 303)
  t.is(out.location, '/signed-out')
  t.false(browser.cookies.has(cookieName(stage.url, 'claimgate')))
  t.like(await sessionsOf('leaver'), [{ revoked_reason: 'logout' }])
  browser.cookies.set(cookieName(stage.url, 'claimgate'), cookie)
  t.is((await browser.get('/account')).location, '/signin')
  t.true(stage.app.logs.some(({ event, userId }) => event === 'logout' && typeof userId === 'string'))
})

test('signing in as another user ends the session that the browser had', async (t) => {
  const browser = openCookieBrowser(stage)
  await signUp(browser, 'first')
  await stage.app.signup('second')
  const fields = { username: 'second', password }
  t.is((await browser.submit('/signin?prompt=login', '/signin', fields)).location, '/account')
  t.like(await sessionsOf('first'), [{ revoked_reason: 'logout' }])
  t.regex(plain((await browser.get('/account')).text), /Your account second /)
})

test('a password is changed on the account page, which keeps its own session and ends the others', async (t) => {
  const browser = openCookieBrowser(stage)
  await signUp(browser, 'changer')
  const { body } = await stage.app.login('changer')
  const change = (fields: Record<string, string>) => browser.submit('/account', '/account/password', fields)
  const wrong = await change({ currentPassword: 'wrong', newPassword: 'another horse' })
  t.is(wrong.status, 401)
  t.is(alertsOf(wrong), 'Current password is wrong.')
  const short = await change({ currentPassword: password, newPassword: 'x' })
  t.is(short.status, 422)
  t.is(alertsOf(short), 'New password needs at least 4 characters.')
  t.notRegex(short.text, /correct horse/)
  const done = await change({ currentPassword: password, newPassword: 'another horse' })
  t.is(done.location, '/account?done=password')
  t.regex((await browser.get('/account?done=password')).text, /role="status">Your password has been changed/)
  t.is((await stage.app.login('changer', 'another horse')).status, 200)
  t.is((await stage.app.post('/token', { refreshToken: body.refreshToken })).status, 401)
})

test('other sessions are ended one by one or all at once; the sessions of other users stay', async (t) => {
  const browser = openCookieBrowser(stage)
  await signUp(browser, 'tidy')
  await signUp(openCookieBrowser(stage), 'neighbour')
  const tokens = []
  for (let count = 0; count < 3; count++) tokens.push((await stage.app.login('tidy')).body)
  const listed = async () => [
    ...(await browser.get('/account')).text.matchAll(/sessions\/([\w-]{36})\/end"/g),
  ]
  const [first] = await listed()
  t.is((await listed()).length, 3)
  const ended = await browser.submit('/account', `/account/sessions/${first?.[1]}/end`)
  t.is(ended.location, '/account?done=ended')
  t.is((await listed()).length, 2)
  const [other] = await sessionsOf('neighbour')
  t.is((await browser.submit('/account', `/account/sessions/${other?.id}/end`)).status, 404)
  t.is(
    (await browser.submit('/account', '/account/sessions/end-others')).location,
    '/account?done=endedOthers',
  )
  t.is((await listed()).length, 0)
  for (const { refreshToken } of tokens) t.is((await stage.app.post('/token', { refreshToken })).status, 401)
  t.like(await sessionsOf('neighbour'), [{ revoked_reason: null }])
})

test('each button that ends a session is described by when and where that one was used', async (t) => {
  const browser = openCookieBrowser(stage)
  await signUp(browser, 'thrice')
  for (let count = 0; count < 2; count++) await stage.app.login('thrice')
  const { text } = await browser.get('/account')
  const buttons = [...text.matchAll(/aria-label="Sign out of [^"]+" aria-describedby="([^"]+)"/g)]
  const ids = buttons.map(([, id = '']) => id)
  t.is(new Set(ids).size, 2)
  for (const id of ids) {
    const [, hint = ''] = new RegExp(` id="${id}">(.*?)</span></span>`, 's').exec(text) ?? []
    t.regex(plain(hint), /^Used now · 127\.0\.0\.1 Signed in with the password · \w+ \d+, \d{4}$/)
  }
})

test.serial('a session of the pages lives on while it is used, and never beyond its end', async (t) => {
  const own = await startPages({
    env: { AUTH_SESSION_IDLE_LIFETIME: '14400', AUTH_SESSION_LIFETIME: '28800' },
  })
  t.teardown(own.stop)
  const browser = openCookieBrowser(own)
  await signUp(browser, 'keeper')
  const idle = async () =>
    (
      await own.app.sql<{ idle_expires_at: Date }>('SELECT idle_expires_at FROM session')
    )[0]?.idle_expires_at.getTime()
  const begun = await idle()
  own.app.clock.advance(1800)
  t.is((await browser.get('/account')).status, 200)
  t.is(await idle(), begun, 'half an hour is not worth a statement')
  own.app.clock.advance(10_000)
  t.is((await browser.get('/account')).status, 200)
  t.is(await idle(), (begun ?? 0) + 11_800_000)
  own.app.clock.advance(10_000)
  t.is((await browser.get('/account')).status, 200)
  own.app.clock.advance(28_800 - 21_800)
  t.is((await browser.get('/account')).location, '/signin')
})

test.serial('an unused session of the pages ends', async (t) => {
  const own = await startPages({ env: { AUTH_SESSION_IDLE_LIFETIME: '3600' } })
  t.teardown(own.stop)
  const browser = openCookieBrowser(own)
  await signUp(browser, 'sleeper')
  own.app.clock.advance(3600)
  t.is((await browser.get('/account')).location, '/signin')
})

test.serial(
  'with a new AUTH_SECRET, people who come by while the old one is accepted stay signed in',
  async (t) => {
    const AUTH_DATA_DIR = await makeDirectory()
    const secrets = ['one', 'another'].map((name) => `${name} secret that is only good for tests 0123`)
    const [AUTH_PREVIOUS_SECRET = '', AUTH_SECRET = ''] = secrets
    const cookies = new Map<string, string>()
    const during = async (
      env: Record<string, string>,
      visit: (browser: CookieBrowser) => Promise<unknown>,
    ) => {
      // The names of the cookies follow the public URL.
      const url = 'http://gateway.test'
      const own = await startPages({
        engine: 'embedded',
        env: { AUTH_DATA_DIR, AUTH_PUBLIC_URL: url, ...env },
      })
      const browser = openCookieBrowser({ app: own.app, url })
      for (const [name, value] of cookies) browser.cookies.set(name, value)
      await visit(browser).finally(own.stop)
      for (const [name, value] of browser.cookies) cookies.set(name, value)
    }
    const isSignedIn = async (browser: CookieBrowser) => t.is((await browser.get('/account')).status, 200)
    await during({ AUTH_SECRET: AUTH_PREVIOUS_SECRET }, (browser) => signUp(browser, 'rotator'))
    await during({ AUTH_SECRET, AUTH_PREVIOUS_SECRET }, isSignedIn)
    await during({ AUTH_SECRET }, isSignedIn)
  },
)

test.serial('while the database is away, pages say so, and a form keeps what was typed', async (t) => {
  const own = await startPages({ engine: 'embedded' })
  const browser = openCookieBrowser(own)
  await signUp(browser, 'patient')
  await own.app.gateway.database.close()
  const account = await browser.get('/account')
  t.is(account.status, 503)
  t.regex(account.headers.get('retry-after') ?? '', /^\d+$/)
  t.regex(alertsOf(account), /not available at the moment/)
  const stranger = openCookieBrowser(own)
  t.is((await stranger.get('/signin')).status, 200)
  const refused = await stranger.submit('/signin', '/signin', { username: 'patient', password })
  t.is(refused.status, 503)
  t.regex(alertsOf(refused), /not available at the moment/)
  t.regex(refused.text, /value="patient"/)
  t.true(browser.cookies.has(cookieName(own.url, 'claimgate')), 'and the browser stays signed in')
  await t.throwsAsync(own.stop())
})
