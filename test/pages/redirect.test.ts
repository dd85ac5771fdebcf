import { createHash } from 'node:crypto'
import { get, type IncomingMessage } from 'node:http'
import { cookieName } from '../_cookies.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { githubber, googler } from '../authentication/_sign-in.ts'
import {
  actionOf,
  alertsOf,
  type CookieBrowser,
  openCookieBrowser,
  plain,
  type Seen,
  signUp,
  tokenOf,
} from './_cookie-browser.ts'
import { type Stage, startPages } from './_pages.ts'

let stage: Stage
test.before('start', async () => {
  stage = await startPages({ env: { AUTH_REDIRECT_ORIGINS: 'https://app.test myapp://' } })
  stage.fake.askForConsent(false)
  await stage.app.signup('bob')
})
test.after.always('stop', () => stage?.stop())

const bob = { username: 'bob', password: 'correct horse' }
const home = 'https://app.test/welcome?lang=de'
const verifier = 'v'.repeat(43)
const challenge = createHash('sha256').update(verifier).digest('base64url')
const pkce = { code_challenge: challenge, code_challenge_method: 'S256' }
const pathOf = (page: string, query: Record<string, string>) => `${page}?${new URLSearchParams(query)}`

/** Returns the target of an interstitial page, which its redirect and its link share. */
function goesOnTo(t: ExecutionContext, { status, text }: Seen): URL {
  t.is(status, 200, text)
  const [, url = ''] = /<meta http-equiv="refresh" content="0;url=([^"]+)">/.exec(text) ?? []
  t.true(text.includes(`<a class="button main" href="${url}">`), text)
  return new URL(url.replaceAll('&amp;', '&'))
}

const exchange = (url: URL) =>
  stage.app.post('/token/exchange', { code: url.searchParams.get('code'), codeVerifier: verifier })

/** Visits a provider and returns the answer of the gateway to the callback. */
async function visitProvider(browser: CookieBrowser, location: string, profile = githubber()): Promise<Seen> {
  const { pathname, search } = new URL(stage.fake.authorize(location, profile))
  return browser.get(pathname + search)
}

test('a sign-in that an app asks for ends at the app with a code, which is its own session and not the page’s', async (t) => {
  const browser = openCookieBrowser(stage)
  const path = pathOf('/signin', { redirect_to: home, ...pkce, state: 'a b&c' })
  const url = goesOnTo(t, await browser.submit(path, path, bob))
  t.is(url.origin + url.pathname, 'https://app.test/welcome')
  t.is(url.searchParams.get('lang'), 'de')
  t.is(url.searchParams.get('state'), 'a b&c')
  const { status, body } = await exchange(url)
  t.is(status, 200)
  t.like(body, { username: 'bob' })
  t.is((await exchange(url)).status, 401)
  const account = await browser.get('/account')
  t.is(account.status, 200)
  const { refreshToken } = body as { refreshToken: string }
  t.is((await browser.submit('/account', '/account/signout')).location, '/signed-out')
  t.is((await stage.app.post('/token', { refreshToken })).status, 200, 'the app is still signed in')
})

test('a sign-up that an app asks for ends at the app too, and links keep what it asked for', async (t) => {
  const browser = openCookieBrowser(stage)
  const signin = await browser.get(pathOf('/signin', { redirect_to: home, ...pkce, state: 's' }))
  const [, link = ''] = /href="(\/signup[^"]+)"/.exec(signin.text) ?? []
  const signup = link.replaceAll('&amp;', '&')
  const fields = { username: 'newcomer', password: 'correct horse', confirmPassword: 'correct horse' }
  const url = goesOnTo(t, await browser.submit(signup, signup.replace('/signup', '/signup/form'), fields))
  t.is(url.searchParams.get('state'), 's')
  t.like((await exchange(url)).body, { username: 'newcomer' })
})

test('the code of a page is of no use without the verifier', async (t) => {
  const browser = openCookieBrowser(stage)
  const path = pathOf('/signin', { redirect_to: home, ...pkce })
  const url = goesOnTo(t, await browser.submit(path, path, bob))
  const { status } = await stage.app.post('/token/exchange', { code: url.searchParams.get('code') })
  t.is(status, 401)
})

test('who is signed in is asked before an app gets a code; nothing is handed out by a link alone', async (t) => {
  const browser = openCookieBrowser(stage)
  await signUp(browser, 'asked')
  const path = pathOf('/signin', { redirect_to: home, ...pkce })
  const asked = await browser.get(path)
  t.is(asked.status, 200)
  t.regex(plain(asked.text), /Sign in to Claimgate app\.test asks you to sign in\. Continue as asked/)
  t.notRegex(asked.text, /http-equiv="refresh"|code=/)
  const url = goesOnTo(t, await browser.submit(path, path.replace('/signin', '/signin/continue')))
  t.like((await exchange(url)).body, { username: 'asked' })
  const other = await browser.get(pathOf('/signin', { redirect_to: home, prompt: 'login' }))
  t.regex(other.text, /name="password"/)
})

test('a user continues to apps no more often than AUTH_CONTINUE_ATTEMPTS, on whatever browser', async (t) => {
  const limited = await startPages({
    env: {
      AUTH_REDIRECT_ORIGINS: 'https://app.test',
      AUTH_RATE_LIMIT: 'on',
      AUTH_CONTINUE_ATTEMPTS: '2',
    },
  })
  t.teardown(() => limited.stop())
  const path = pathOf('/signin', { redirect_to: home, ...pkce })
  const goOn = (browser: CookieBrowser) => browser.submit(path, path.replace('/signin', '/signin/continue'))
  const [one, two, other] = [
    openCookieBrowser(limited),
    openCookieBrowser(limited),
    openCookieBrowser(limited),
  ]
  await signUp(one, 'eager')
  await two.submit('/signin', '/signin', { username: 'eager', password: 'correct horse' })
  goesOnTo(t, await goOn(one))
  goesOnTo(t, await goOn(two))
  const refused = await goOn(one)
  t.is(refused.status, 429)
  t.truthy(refused.headers.get('retry-after'))
  t.regex(plain(refused.text), /Continue as eager/)
  t.is((await goOn(two)).status, 429)
  const apps = await limited.app.sql(`SELECT 1 FROM authorization_code`)
  t.is(apps.length, 2)
  t.true(limited.app.logs.some(({ event }) => event === 'request.limited'))
  await signUp(other, 'calm')
  goesOnTo(t, await goOn(other))
})

test('a user who signs in as another user and mistypes gets the form again, with the name, and ends as the other user', async (t) => {
  const browser = openCookieBrowser(stage)
  await signUp(browser, 'first-one')
  const asked = await browser.get(pathOf('/signin', { redirect_to: home, ...pkce }))
  const [, link = ''] = /href="([^"]+prompt=login)"/.exec(asked.text) ?? []
  const form = await browser.get(link.replaceAll('&amp;', '&'))
  for (const [fields, status] of [
    [{ csrf: tokenOf(form), username: 'bob', password: 'wrong' }, 401],
    [{ csrf: tokenOf(form), username: 'bob', password: '' }, 422],
    [{ csrf: '', ...bob }, 403],
  ] as const) {
    const again = await browser.send(actionOf(form), fields)
    t.is(again.status, status)
    t.regex(again.text, /<input id="username"[^>]* value="bob"/)
    t.notRegex(again.text, /Continue as/)
    t.is(actionOf(again), actionOf(form))
  }
  const url = goesOnTo(t, await browser.send(actionOf(form), { csrf: tokenOf(form), ...bob }))
  t.like((await exchange(url)).body, { username: 'bob' })
})

test('who is asked whether to go on is asked again when the form was not good', async (t) => {
  const browser = openCookieBrowser(stage)
  await signUp(browser, 'asked-again')
  const form = await browser.get(pathOf('/signin', { redirect_to: home, ...pkce }))
  const again = await browser.send(actionOf(form), { csrf: '' })
  t.is(again.status, 403)
  t.regex(plain(again.text), /Continue as asked-again/)
  const url = goesOnTo(t, await browser.send(actionOf(again), { csrf: tokenOf(again) }))
  t.like((await exchange(url)).body, { username: 'asked-again' })
})

test('a code of a session that has been ended meanwhile is not given', async (t) => {
  const browser = openCookieBrowser(stage)
  await signUp(browser, 'ended')
  const path = pathOf('/signin', { redirect_to: home })
  const form = await browser.get(path)
  await stage.app.sql(
    `UPDATE session SET revoked_at = now() FROM "user" u WHERE u.id = session.user_id AND u.username = 'ended'`,
  )
  const [, csrf = ''] = /name="csrf" value="([^"]+)"/.exec(form.text) ?? []
  const late = await browser.send(path.replace('/signin', '/signin/continue'), { csrf })
  t.is(late.status, 403)
  t.notRegex(late.text, /code=/)
})

test('a session that an app gets later ends when that of the browser does, however often it is refreshed', async (t) => {
  const own = await startPages({
    env: {
      AUTH_REDIRECT_ORIGINS: 'https://app.test',
      AUTH_SESSION_IDLE_LIFETIME: '3000',
      AUTH_SESSION_LIFETIME: '5000',
    },
  })
  t.teardown(own.stop)
  const browser = openCookieBrowser(own)
  await signUp(browser, 'late-app')
  for (let time = 0; time < 2; time++) {
    own.app.clock.advance(2400)
    t.is((await browser.get('/account')).status, 200)
  }
  const form = await browser.get(pathOf('/signin', { redirect_to: home }))
  const url = goesOnTo(t, await browser.send(actionOf(form), { csrf: tokenOf(form) }))
  const { body } = await own.app.post('/token/exchange', { code: url.searchParams.get('code') })
  t.is(body.refreshExpiresIn, 200)
  own.app.clock.advance(199)
  const refreshed = await own.app.post('/token', { refreshToken: body.refreshToken })
  t.is(refreshed.status, 200)
  own.app.clock.advance(1)
  t.is((await own.app.post('/token', { refreshToken: refreshed.body.refreshToken })).status, 401)
})

test('a native app gets its code by its own scheme', async (t) => {
  const browser = openCookieBrowser(stage)
  const path = pathOf('/signin', { redirect_to: 'myapp://callback', ...pkce })
  t.is(goesOnTo(t, await browser.submit(path, path, bob)).protocol, 'myapp:')
})

const targets = [
  'https://evil.test/',
  'https://app.test.evil.test/',
  'https://app.test@evil.test/',
  '//evil.test',
  '/\\evil.test',
  'https:/\\evil.test',
  'javascript:alert(1)',
  'data:text/html,x',
  'otherapp://x',
  'https://app.test\r\nSet-Cookie: a=b',
  'https://app.test/\u0000',
  '',
]
for (const target of targets) {
  test(`no page sends anybody to ${JSON.stringify(target)}`, async (t) => {
    const browser = openCookieBrowser(stage)
    for (const page of ['/signin', '/signup', '/signed-out', '/signin/github', '/signin/google']) {
      const { status, text, location, headers } = await browser.get(pathOf(page, { redirect_to: target }))
      t.true(status === 403 || status === 422, `${page}: ${status}`)
      t.is(location, null)
      // Only the refused origin is named, in plain characters.
      t.notRegex(text.replaceAll(/<code>[a-z]+:\/\/[\w.:-]*<\/code>/g, ''), /evil|alert\(1\)/)
      t.notRegex([...headers].join(), /evil/)
    }
    const form = pathOf('/signin', { redirect_to: target })
    t.true([403, 422].includes((await browser.submit('/signin', form, bob)).status))
  })
}

test('a page that says what went wrong names it as the README and the log do', async (t) => {
  const path = pathOf('/signin', { redirect_to: 'https://evil.test' })
  const { text, headers } = await openCookieBrowser(stage).get(path)
  t.true(text.includes('<code>redirect_not_allowed</code>'))
  t.true(text.includes('<code>https://evil.test</code>'))
  t.true(text.includes(`<code>${headers.get('x-request-id')}</code>`))
})

test('what an app asks for wrongly is a page with 422: a challenge without its method, a parameter twice', async (t) => {
  const browser = openCookieBrowser(stage)
  const ask = async (query: string) =>
    (await browser.get(`/signin?redirect_to=${encodeURIComponent(home)}${query}`)).status
  t.is(await ask(`&code_challenge=${challenge}`), 422)
  t.is(await ask('&code_challenge=x&code_challenge_method=S256'), 422)
  t.is(await ask(`&code_challenge=${challenge}&code_challenge_method=plain`), 422)
  t.is(await ask('&redirect_to=https://app.test/'), 422)
  t.is(await ask('&utm_source=newsletter'), 200)
})

test('a sign-in by a provider that was begun on the page ends on the account page, signed in', async (t) => {
  const browser = openCookieBrowser(stage)
  const start = await browser.get('/signin/github')
  t.is(start.status, 302)
  const back = await visitProvider(browser, start.location ?? '', githubber('octo'))
  t.is(back.location, '/account')
  t.regex(plain((await browser.get('/account')).text), /Your account octo .*GitHub Linked/)
})

/** Follows a link from a page of such a site as a browser does; the headers of `fetch` would be those of a script. */
const follow = (path: string, site: string) =>
  new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { 'Sec-Fetch-Site': site, 'Sec-Fetch-Mode': 'navigate' }
    get(stage.app.url + path, { headers }, (answer) => resolve(answer.resume())).on('error', reject)
  })

test('another site cannot begin a sign-in by a provider: its link leads to our page, which knows what the app asked for', async (t) => {
  const asked = { redirect_to: home, ...pkce }
  for (const site of ['cross-site', 'same-site']) {
    const { statusCode, headers } = await follow(pathOf('/signin/github', asked), site)
    t.is(statusCode, 303, site)
    t.is(headers.location, pathOf('/signin', asked))
    t.is(headers['set-cookie'], undefined)
  }
  for (const site of ['same-origin', 'none']) {
    t.is((await follow(pathOf('/signin/github', asked), site)).statusCode, 302, site)
  }
})

test('one that an app asked for ends at the app with a code, and on our page signed in', async (t) => {
  const browser = openCookieBrowser(stage)
  const start = await browser.get(pathOf('/signin/github', { redirect_to: home, ...pkce, state: 'xyz' }))
  const back = await visitProvider(browser, start.location ?? '', githubber('octoapp'))
  t.is(back.status, 302)
  const url = new URL(back.location ?? '')
  t.is(url.searchParams.get('state'), 'xyz')
  t.like((await exchange(url)).body, { username: 'octoapp' })
  t.is((await browser.get('/account')).status, 200)
})

test('a callback of a sign-in that another browser began on its page is rejected, and signs no user in', async (t) => {
  const attacker = openCookieBrowser(stage)
  const victim = openCookieBrowser(stage)
  const start = await attacker.get('/signin/github')
  const back = await visitProvider(victim, start.location ?? '')
  t.regex(back.location ?? '', /\/signin\?error=invalid_state$/)
  t.false(victim.cookies.has(cookieName(stage.url, 'claimgate')))
})

test('a provider that is not configured any more can still be unlinked', async (t) => {
  const browser = openCookieBrowser(stage)
  await signUp(browser, 'former')
  await stage.app.sql(
    `INSERT INTO identity (provider, subject, user_id) SELECT 'gone', '1', id FROM "user" WHERE username = 'former'`,
  )
  t.regex(plain((await browser.get('/account')).text), / gone Linked /)
  t.is(
    (await browser.submit('/account', '/account/identities/gone/unlink')).location,
    '/account?done=unlinked',
  )
  t.notRegex((await browser.get('/account')).text, /gone/)
})

test('what goes wrong at a provider is said on the sign-in page, which still knows what the app asked for', async (t) => {
  const browser = openCookieBrowser(stage)
  const start = await browser.get(pathOf('/signin/github', { redirect_to: home, ...pkce }))
  const denied = new URL(stage.fake.authorize(start.location ?? '', githubber(), { error: 'access_denied' }))
  const back = await browser.get(denied.pathname + denied.search)
  const { pathname, search, searchParams } = new URL(back.location ?? '')
  t.is(pathname, '/signin')
  t.is(searchParams.get('redirect_to'), home)
  t.is(searchParams.get('code_challenge'), challenge)
  const page = await browser.get(pathname + search)
  t.regex(alertsOf(page), /You were not signed in/)
  t.regex(page.text, /href="\/signin\/google\?redirect_to=/)
})

test('what a provider sign-in was sent back with is said in sentences of its own, beside no field', async (t) => {
  const browser = openCookieBrowser(stage)
  const said = async (error: string) => {
    const page = await browser.get(`/signin?error=${error}`)
    t.notRegex(page.text, /aria-invalid/)
    return alertsOf(page)
  }
  t.regex(await said('username_taken'), /^The service found no free username for you\./)
  t.is(await said('rate_limited'), 'Too many attempts. Please try again later.')
})

test('a browser that lost the cookie of a sign-in sees a page, a program sees a problem', async (t) => {
  const browser = openCookieBrowser(stage)
  const path = '/auth/github/callback?code=x&state=y'
  t.regex((await browser.get(path)).location ?? '', /\/signin\?error=invalid_state$/)
  t.is((await stage.app.get(path)).status, 403)
  t.regex(alertsOf(await browser.get('/signin?error=invalid_state')), /did not keep the cookie of this site/)
})

test('a provider is linked and unlinked on the account page, and the last way in stays', async (t) => {
  const browser = openCookieBrowser(stage)
  const start = await browser.get('/signin/github')
  await visitProvider(browser, start.location ?? '', githubber('linker'))
  const last = await browser.submit('/account', '/account/identities/github/unlink')
  t.is(last.status, 409)
  t.regex(alertsOf(last), /last way to sign in/)
  const going = goesOnTo(t, await browser.submit('/account', '/account/identities/google/link'))
  const { pathname, search } = new URL(stage.fake.authorize(going, googler()))
  const linked = await browser.get(pathname + search)
  t.is(linked.location, `${stage.url}/account?linked=google`)
  t.regex((await browser.get('/account?linked=google')).text, /role="status">You can now sign in with Google/)
  const unlinked = await browser.submit('/account', '/account/identities/github/unlink')
  t.is(unlinked.location, '/account?done=unlinked')
  const set = await browser.submit('/account', '/account/password', { newPassword: 'correct horse' })
  t.is(set.location, '/account?done=password')
  t.is((await stage.app.login('linker')).status, 200)
})

test('an identity of another user is not linked, and the account page says why', async (t) => {
  const profile = githubber('owner')
  const owner = openCookieBrowser(stage)
  await visitProvider(owner, (await owner.get('/signin/github')).location ?? '', profile)
  const browser = openCookieBrowser(stage)
  await signUp(browser, 'greedy')
  const going = goesOnTo(t, await browser.submit('/account', '/account/identities/github/link'))
  const back = await visitProvider(browser, going.href, profile)
  const { pathname, search } = new URL(back.location ?? '')
  t.is(pathname, '/account')
  t.regex(alertsOf(await browser.get(pathname + search)), /linked to another user/)
})

test('a state that makes the way back too long is refused before anybody types a password', async (t) => {
  const long = `${home}&x=`.padEnd(1024 - '&state='.length - 499, 'x')
  const path = (length: number) =>
    pathOf('/signin', { redirect_to: long, ...pkce, state: 's'.repeat(length) })
  t.is((await openCookieBrowser(stage).get(path(500))).status, 422)
  const browser = openCookieBrowser(stage)
  const page = await browser.get(path(499))
  const sent = await browser.send(actionOf(page), { csrf: tokenOf(page), ...bob })
  t.is(goesOnTo(t, sent).searchParams.get('state'), 's'.repeat(499))
})

test('after signing out there is a way back to an app that is known', async (t) => {
  const { text } = await openCookieBrowser(stage).get(pathOf('/signed-out', { redirect_to: home }))
  t.true(text.includes(`href="${home}"`))
})

test('a user who is still signed in is asked, and gets the link back to the app after signing out', async (t) => {
  const browser = openCookieBrowser(stage)
  await signUp(browser, 'leaves-both')
  t.is((await browser.get('/signed-out')).location, '/account')
  const asked = await browser.get(pathOf('/signed-out', { redirect_to: home }))
  t.is(asked.status, 200)
  t.regex(plain(asked.text), /signed in as leaves-both\./)
  t.true(browser.cookies.has(cookieName(stage.url, 'claimgate')), 'a link alone signs no user out')
  const csrf = tokenOf(asked)
  const evil = { redirect_to: 'https://evil.test/' }
  t.is((await browser.send(pathOf('/account/signout', evil), { csrf })).status, 403)
  for (let time = 0; time < 2; time++) {
    const out = await browser.send(actionOf(asked), { csrf })
    t.is(out.location, pathOf('/signed-out', { redirect_to: home }))
    t.false(browser.cookies.has(cookieName(stage.url, 'claimgate')))
  }
  const end = await browser.get(pathOf('/signed-out', { redirect_to: home }))
  t.true(end.text.includes(`href="${home}"`))
})
