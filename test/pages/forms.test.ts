import { cookieName } from '../_cookies.ts'
import test from '../_test.ts'
import { alertsOf, openCookieBrowser, plain, signUp, tokenOf } from './_cookie-browser.ts'
import { type Stage, startPages } from './_pages.ts'

let stage: Stage
test.before('start', async () => {
  stage = await startPages()
  await stage.app.signup('bob')
})
test.after.always('stop', () => stage?.stop())

const bob = { username: 'bob', password: 'correct horse' }
const inner = (csrf: string) => ({ csrf, ...bob })

test('a form of our page with the right password signs in, and the browser gets one sealed cookie', async (t) => {
  const browser = openCookieBrowser(stage)
  const { status, location, headers } = await browser.submit('/signin', '/signin', bob)
  t.is(status, 303)
  t.is(location, '/account')
  const cookie = headers
    .getSetCookie()
    .find((line) => line.startsWith(`${cookieName(stage.url, 'claimgate')}=`))
  t.regex(cookie ?? '', /; path=\/; .*samesite=lax; httponly/i)
  t.notRegex(cookie ?? '', /domain/i)
  const account = await browser.get('/account')
  t.is(account.status, 200)
  t.regex(plain(account.text), /Your account bob user /)
})

const refusals: [
  what: string,
  send: (browser: ReturnType<typeof openCookieBrowser>, csrf: string) => Promise<unknown>,
][] = [
  ['from another origin', (v, csrf) => v.send('/signin', inner(csrf), { Origin: 'https://evil.test' })],
  ['from an opaque origin', (v, csrf) => v.send('/signin', inner(csrf), { Origin: 'null' })],
  ['from no origin', (v, csrf) => v.send('/signin', inner(csrf), { Origin: '' })],
  [
    'from the origin of the app',
    (v, csrf) => v.send('/signin', inner(csrf), { Origin: new URL(stage.home).origin }),
  ],
  ['from a sister site', (v, csrf) => v.send('/signin', inner(csrf), { 'Sec-Fetch-Site': 'same-site' })],
  ['from another site', (v, csrf) => v.send('/signin', inner(csrf), { 'Sec-Fetch-Site': 'cross-site' })],
  ['without a token', (v) => v.send('/signin', bob)],
  ['with an invented token', (v) => v.send('/signin', inner(`1.b${'a'.repeat(22)}.${'b'.repeat(43)}`))],
  [
    'with a token whose time was changed',
    (v, csrf) => v.send('/signin', inner(csrf.replace(/^\d+/, (n) => String(+n + 1)))),
  ],
  [
    'with the token of another browser',
    async (v) => v.send('/signin', inner(tokenOf(await openCookieBrowser(stage).get('/signin')))),
  ],
  [
    'with the cookie of another browser',
    async (v, csrf) => {
      const other = openCookieBrowser(stage)
      await other.get('/signin')
      v.cookies.set(
        cookieName(stage.url, 'claimgate-form'),
        other.cookies.get(cookieName(stage.url, 'claimgate-form')) ?? '',
      )
      return v.send('/signin', inner(csrf))
    },
  ],
  [
    'without the cookie',
    (v, csrf) => {
      v.cookies.clear()
      return v.send('/signin', inner(csrf))
    },
  ],
]
for (const [what, send] of refusals) {
  test(`a form ${what} is a page with 403, and no user is signed in`, async (t) => {
    const browser = openCookieBrowser(stage)
    const csrf = tokenOf(await browser.get('/signin'))
    const { status, text } = (await send(browser, csrf)) as { status: number; text: string }
    t.is(status, 403, text)
    t.regex(text, /^<!doctype html>/)
    t.false(browser.cookies.has(cookieName(stage.url, 'claimgate')))
  })
}

test('a user of the gateway at another address than its public URL sees the public URL', async (t) => {
  const browser = openCookieBrowser(stage)
  const elsewhere = { Origin: stage.app.url }
  const { status, text } = await browser.submit('/signin', '/signin', bob, elsewhere)
  t.is(status, 403)
  t.true(text.includes(`<a href="${stage.url}/">${stage.url}</a>`))
})

test('a form whose token has expired is shown again with what was typed, but for the password', async (t) => {
  const own = await startPages()
  t.teardown(own.stop)
  const browser = openCookieBrowser(own)
  const csrf = tokenOf(await browser.get('/signin'))
  own.app.clock.advance(4 * 3600 + 1)
  const late = await browser.send('/signin', { csrf, username: 'bob <&"', password: 'pass-4711' })
  t.is(late.status, 403)
  t.regex(alertsOf(late), /form has expired/)
  t.regex(late.text, / value="bob &lt;&amp;&quot;"/)
  t.notRegex(late.text, /pass-4711/)
  own.app.clock.advance(60)
  const again = { csrf: tokenOf(late), username: 'bob', password: 'x' }
  t.is((await browser.send('/signin', again)).status, 401)
})

test('a browser that refuses cookies is told so', async (t) => {
  const browser = openCookieBrowser(stage)
  const csrf = tokenOf(await browser.get('/signin'))
  browser.cookies.clear()
  const refused = await browser.send('/signin', { csrf, ...bob })
  t.is(refused.status, 403)
  t.regex(alertsOf(refused), /did not send the cookie of this site/)
  t.regex(refused.text, /value="bob"/)
})

test('a user who comes back after days is not told to allow cookies: a page keeps its cookie for as long as its forms', async (t) => {
  const own = await startPages()
  t.teardown(own.stop)
  const browser = openCookieBrowser(own)
  const day = 86_400
  const isKept = async () => {
    const { headers } = await browser.get('/signin')
    t.regex(headers.getSetCookie().join(), /^claimgate-form-[0-9a-f]{8}=[\w-]{22}; /)
    const [, expires = ''] = /expires=([^;]+)/i.exec(headers.getSetCookie().join()) ?? []
    return new Date(expires).getTime() - Date.now()
  }
  await isKept()
  const value = browser.cookies.get(cookieName(own.url, 'claimgate-form'))
  own.app.clock.advance(7 * day - 60)
  t.true((await isKept()) > 6 * day * 1000)
  t.is(browser.cookies.get(cookieName(own.url, 'claimgate-form')), value, 'and forms in other tabs stay good')
})

test('a form of a session that has ended says so, and blames no cookie', async (t) => {
  const browser = openCookieBrowser(stage)
  await signUp(browser, 'asleep')
  const path = `/signin?redirect_to=${encodeURIComponent(stage.home)}`
  const csrf = tokenOf(await browser.get(path))
  browser.cookies.clear()
  const late = await browser.send(path.replace('/signin', '/signin/continue'), { csrf })
  t.is(late.status, 403)
  t.regex(alertsOf(late), /signed in or out since it was opened/)
})

test('the token of a form that was made before the sign-in is of no use after it', async (t) => {
  const browser = openCookieBrowser(stage)
  const before = tokenOf(await browser.get('/signin'))
  await browser.submit('/signin', '/signin', bob)
  const late = await browser.send('/account/sessions/end-others', { csrf: before })
  t.is(late.status, 403)
  t.regex(alertsOf(late), /signed in or out since it was opened/)
})

const paths = [
  '/signin/continue',
  '/account/confirm',
  '/account/password',
  '/account/sessions/end-others',
  '/account/signout',
  '/account/identities/github/link',
  '/account/identities/github/unlink',
  '/account/sessions/6d98bcbf-b768-4230-be0c-eedc858b9e8d/end',
]
for (const path of paths) {
  test(`POST ${path} is refused without a token, and from another origin`, async (t) => {
    const browser = openCookieBrowser(stage)
    await browser.submit('/signin', '/signin', bob)
    const csrf = tokenOf(await browser.get('/account'))
    t.is((await browser.send(path, {})).status, 403)
    t.is((await browser.send(path, { csrf }, { Origin: 'https://evil.test' })).status, 403)
    t.is((await browser.get('/account')).status, 200)
  })
}

test('a body that is no form of ours is refused: JSON, another charset, a field twice, too much', async (t) => {
  const browser = openCookieBrowser(stage)
  const csrf = tokenOf(await browser.get('/signin'))
  const form = 'application/x-www-form-urlencoded'
  for (const type of ['application/json', 'text/plain', 'multipart/form-data', `${form}; charset=utf-16`]) {
    t.is((await browser.send('/signin', inner(csrf), { 'Content-Type': type })).status, 415, type)
  }
  t.is((await browser.send('/signin', inner(csrf), { 'Content-Encoding': 'gzip' })).status, 415)
  t.is((await browser.send('/signin', { ...inner(csrf), password: 'x'.repeat(40_000) })).status, 413)
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const twice = await stage.app.call('POST', '/signin', {
    raw: `${new URLSearchParams(inner(csrf))}&username=eve`,
    headers: { Origin: stage.url, 'Content-Type': 'application/x-www-form-urlencoded', Cookie: cookie },
  })
  t.is(twice.status, 400)
  const foreign = await browser.send('/signin', { ...inner(csrf), roles: 'admin' })
  t.is(foreign.status, 422)
  t.regex(alertsOf(foreign), /has an unknown field/)
})

test('a wrong password and an unknown user look the same', async (t) => {
  const browser = openCookieBrowser(stage)
  const wrong = await browser.submit('/signin', '/signin', { ...bob, password: 'wrong' })
  const unknown = await browser.submit('/signin', '/signin', { username: 'nobody', password: 'wrong' })
  for (const seen of [wrong, unknown]) {
    t.is(seen.status, 401)
    t.is(alertsOf(seen), 'Wrong username or password.')
  }
})

test('what is wrong with a sign-up is said beside each field, and nowhere else', async (t) => {
  const browser = openCookieBrowser(stage)
  const fields = { username: ' ada', password: 'abc', confirmPassword: 'abcd' }
  const seen = await browser.submit('/signup', '/signup/form', fields)
  t.is(seen.status, 422)
  t.is(
    alertsOf(seen),
    'Username may not begin or end with a space. Password needs at least 4 characters. The two passwords are not the same.',
  )
  for (const name of ['username', 'password', 'confirmPassword']) {
    t.regex(
      seen.text,
      new RegExp(`<input id="${name}"[^>]* aria-invalid="true" aria-describedby="${name}-fault`),
    )
    t.is(seen.text.split(`id="${name}-fault"`).length, 2)
  }
  t.notRegex(seen.text, /role="alert"|At least 4/)
  t.notRegex(seen.text, /abcd?"/)
  t.regex(seen.text, /<title>Error: /)
  const taken = await browser.submit('/signup', '/signup/form', {
    ...bob,
    username: 'BOB',
    confirmPassword: bob.password,
  })
  t.is(taken.status, 409)
  t.regex(alertsOf(taken), /^Username is taken/)
})

test('a page renders input only as text', async (t) => {
  const browser = openCookieBrowser(stage)
  const evil = `"><script>alert(1)</script><img src=x onerror='alert(2)'>\u0026lt;`
  const wrong = await browser.submit('/signin', '/signin', { username: evil, password: evil })
  const taken = await browser.submit('/signup', '/signup/form', {
    username: evil,
    password: 'x',
    confirmPassword: 'y',
  })
  await signUp(browser, evil)
  await stage.app.sql(`INSERT INTO role (name) VALUES ($1)`, [evil])
  await stage.app.sql(
    `INSERT INTO user_role (user_id, role_id) SELECT u.id, r.id FROM "user" u, role r WHERE u.username = $1 AND r.name = $1`,
    [evil],
  )
  const account = await browser.get('/account', { 'User-Agent': evil })
  const target = `${stage.home}?x=${encodeURIComponent(evil)}`
  const onwards = await browser.get(`/signin?${new URLSearchParams({ redirect_to: target, state: evil })}`)
  const linked = await browser.get(
    `/account?${new URLSearchParams({ linked: evil, done: evil, error: evil })}`,
  )
  for (const { text, status } of [wrong, taken, account, onwards, linked]) {
    t.true(status < 500)
    t.notRegex(text, /<script>|<img src=x|onerror='/)
  }
  t.true(plain(account.text).includes('alert(1)'))
})

test('loading the address of a form leads to the page that it is on', async (t) => {
  const browser = openCookieBrowser(stage)
  const to = async (path: string) => (await browser.get(path)).location
  t.is(await to('/signup/form?redirect_to=x'), '/signup?redirect_to=x')
  t.is(await to('/signin/continue'), '/signin')
  t.is(await to('/account/password'), '/account')
  t.is(await to('/account/identities/github/unlink'), '/account')
})
