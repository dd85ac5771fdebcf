import test from '../_test.ts'
import { acmeUser, type OpenIdStage, startOpenIdStage } from '../authentication/_openid.ts'
import { actionOf, type CookieBrowser, openCookieBrowser, plain, tokenOf } from './_cookie-browser.ts'

let stage: OpenIdStage
test.serial.before('start', async () => {
  stage = await startOpenIdStage({ env: { AUTH_CONFIRM_SIGNIN: 'true' } })
})
test.after.always('stop', () => stage?.stop())

const open = () => openCookieBrowser({ app: stage.app, url: 'https://gateway.test' })

test.serial(
  'a provider that is away shows an error on the pages, and the next try signs the user in',
  async (t) => {
    const browser = open()
    stage.peer.fault('metadata', 'refuse')
    const away = await browser.get('/signin/acme-corp', { 'Sec-Fetch-Site': 'same-origin' })
    t.is(away.status, 502)
    t.regex(plain(away.text), /The other service cannot be reached/)
    stage.peer.fault('metadata', null)
    stage.peer.signInAs(acmeUser())
    const { location } = await browser.get('/signin/acme-corp', { 'Sec-Fetch-Site': 'same-origin' })
    const { pathname, search } = new URL(await stage.peer.authorize(location ?? ''))
    t.is((await browser.get(pathname + search)).location, '/account')
    t.regex(plain((await browser.get('/account')).text), /Acme Corp/)
  },
)

test.serial('after a sign-out, a page leads on to the sign-out of the provider', async (t) => {
  const browser = open()
  stage.peer.signInAs(acmeUser())
  const { location } = await browser.get('/signin/acme-corp', { 'Sec-Fetch-Site': 'same-origin' })
  const { pathname, search } = new URL(await stage.peer.authorize(location ?? ''))
  await browser.get(pathname + search)
  const out = await browser.submit('/account', '/account/signout')
  t.is(out.location, '/signed-out?provider=acme-corp')
  const { text } = await browser.get(out.location ?? '')
  const [, url = ''] = /href="([^"]+)">Sign out at Acme Corp too</.exec(text) ?? []
  t.is(new URL(url.replaceAll('&amp;', '&')).pathname, '/session/end')
  for (const provider of ['github', 'unknown', '']) {
    const page = await browser.get(`/signed-out?provider=${provider}`)
    t.is(page.status, 200)
    t.notRegex(page.text, /too</)
  }
})

test.serial('the page after a sign-out works while the provider is away', async (t) => {
  const own = await startOpenIdStage()
  t.teardown(own.stop)
  own.peer.fault('metadata', 'refuse')
  const browser = openCookieBrowser({ app: own.app, url: 'https://gateway.test' })
  const { status, text } = await browser.get('/signed-out?provider=acme-corp')
  t.is(status, 200)
  t.notRegex(text, /Acme Corp/)
})

test.serial('the click before a sign-in for an app keeps login_hint and prompt', async (t) => {
  const browser = open()
  const query = new URLSearchParams({
    redirect_to: 'https://app.test/welcome',
    login_hint: 'ada@example.com',
    prompt: 'login consent',
  })
  const asked = await browser.get(`/auth/acme-corp?${query}`, { 'Sec-Fetch-Site': 'cross-site' })
  t.is(asked.status, 200)
  const { text } = await browser.send(actionOf(asked), { csrf: tokenOf(asked) })
  const [, url = ''] = /content="0;url=([^"]+)"/.exec(text) ?? []
  const { origin, searchParams } = new URL(url.replaceAll('&amp;', '&'))
  t.is(origin, stage.peer.issuer)
  t.is(searchParams.get('login_hint'), 'ada@example.com')
  t.is(searchParams.get('prompt'), 'login consent')
})

/** Returns a browser in which a new user of the provider is signed in. */
async function signIn(): Promise<CookieBrowser> {
  stage.peer.signInAs(acmeUser())
  const browser = open()
  await follow(browser, '/signin/acme-corp')
  return browser
}

/** Goes to the provider and back, and returns where the gateway then leads. */
async function follow(browser: CookieBrowser, path: string): Promise<string> {
  const { location } = await browser.get(path, { 'Sec-Fetch-Site': 'same-origin' })
  const { pathname, search } = new URL(await stage.peer.authorize(location ?? ''))
  return (await browser.get(pathname + search)).location ?? ''
}

test.serial(
  'a confirmation asks the provider to authenticate the user now, and a sign-in does not',
  async (t) => {
    const browser = await signIn()
    t.is(await follow(browser, '/account/confirm/acme-corp'), '/account?done=confirmed')
    const asked = stage.peer.requests.filter(({ endpoint }) => endpoint === 'authorize')
    const [signedIn, confirmed] = asked.filter(({ query }) => query.has('client_id')).slice(-2)
    t.is(signedIn?.query.get('max_age'), null)
    t.is(confirmed?.query.get('max_age'), '0')
  },
)

for (const [what, authTime, end] of [
  ['now', 0, 'done=confirmed'],
  ['within the difference of clocks', -25, 'done=confirmed'],
  ['earlier than the confirmation', -60, 'error=fresh_authentication_required'],
  ['at a time that it does not tell', undefined, 'done=confirmed'],
] as const) {
  test.serial(`a provider that authenticated the user ${what} ends a confirmation in ${end}`, async (t) => {
    const browser = await signIn()
    stage.peer.tamper({
      idToken: (claims, sign) => {
        const { auth_time: _, ...others } = claims
        const now = Number(claims.iat)
        return sign(authTime === undefined ? others : { ...others, auth_time: now + authTime })
      },
    })
    const location = await follow(browser, '/account/confirm/acme-corp')
    stage.peer.tamper({})
    t.regex(location, new RegExp(`/account\\?${end}$`))
  })
}
