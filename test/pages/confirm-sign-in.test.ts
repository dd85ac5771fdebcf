import { startApp } from '../_app.ts'
import { cookieName } from '../_cookies.ts'
import test from '../_test.ts'
import { githubber } from '../authentication/_sign-in.ts'
import {
  actionOf,
  alertsOf,
  type CookieBrowser,
  openCookieBrowser,
  plain,
  signUp,
  tokenOf,
} from './_cookie-browser.ts'
import { type Stage, startPages } from './_pages.ts'

let stage: Stage
test.before('start', async () => {
  const env = { AUTH_CONFIRM_SIGNIN: 'true', AUTH_REDIRECT_ORIGINS: 'https://app.test myapp://' }
  stage = await startPages({ env })
})
test.after.always('stop', () => stage?.stop())

const home = 'https://app.test/welcome?x=1'
const toApp = (path: string) => `${path}?${new URLSearchParams({ redirect_to: home })}`
const from = (site: string | null) => (site === null ? {} : { 'Sec-Fetch-Site': site })

/** Clicks the button of the page, and returns the address of the provider. */
async function confirm(browser: CookieBrowser, asked: { text: string }): Promise<string> {
  const { status, text } = await browser.send(actionOf(asked), { csrf: tokenOf(asked) })
  const [, url = ''] = /content="0;url=([^"]+)"/.exec(text) ?? []
  if (status !== 200 || url === '') throw new Error(`no redirect: ${status} ${text}`)
  return url.replaceAll('&amp;', '&')
}

for (const site of ['cross-site', 'none', null]) {
  test(`/auth/github asks for a click in a navigation with Sec-Fetch-Site ${site}`, async (t) => {
    const browser = openCookieBrowser(stage)
    const asked = await browser.get(toApp('/auth/github'), from(site))
    t.is(asked.status, 200)
    t.is(asked.location, null)
    t.regex(
      plain(asked.text),
      /Sign in to app.test.*taken back to app.test.*Continue with GitHub.*close this page/,
    )
    t.deepEqual([...browser.cookies.keys()], [cookieName(stage.url, 'claimgate-form')])
    const { pathname, search } = new URL(stage.fake.authorize(await confirm(browser, asked), githubber()))
    const { location } = await browser.get(pathname + search)
    t.regex(location ?? '', /^https:\/\/app\.test\/welcome\?x=1&code=/)
    t.false(browser.cookies.has(cookieName(stage.url, 'claimgate')), 'the pages have no session')
  })
}

for (const site of ['same-origin', 'same-site']) {
  test(`/auth/github redirects at once in a navigation with Sec-Fetch-Site ${site}`, async (t) => {
    const { status } = await openCookieBrowser(stage).get(toApp('/auth/github'), from(site))
    t.is(status, 302)
  })
}

test('a sign-in that gives no code asks for nothing', async (t) => {
  const { status, location } = await openCookieBrowser(stage).get('/auth/github', from('cross-site'))
  t.is(status, 302)
  t.true(location?.startsWith(stage.fake.url))
})

test('an error after the click goes back to the app', async (t) => {
  const browser = openCookieBrowser(stage)
  const asked = await browser.get(toApp('/auth/github'), from('cross-site'))
  const overrides = { error: 'access_denied' }
  const callback = new URL(stage.fake.authorize(await confirm(browser, asked), githubber(), overrides))
  const { location } = await browser.get(callback.pathname + callback.search)
  t.regex(location ?? '', /^https:\/\/app\.test\/welcome\?x=1&error=provider_denied/)
})

test('/signin/github asks a browser that sends no Sec-Fetch-Site, and the sign-in ends with a session of the pages', async (t) => {
  const browser = openCookieBrowser(stage)
  const asked = await browser.get(toApp('/signin/github'))
  t.is(asked.status, 200)
  const { pathname, search } = new URL(stage.fake.authorize(await confirm(browser, asked), githubber()))
  t.regex((await browser.get(pathname + search)).location ?? '', /^https:\/\/app\.test\/welcome\?x=1&code=/)
  t.true(browser.cookies.has(cookieName(stage.url, 'claimgate')))
  t.is((await browser.get(toApp('/signin/github'), from('same-origin'))).status, 302)
})

test('a signed-in browser is asked too, with a form of its session', async (t) => {
  const browser = openCookieBrowser(stage)
  await signUp(browser, 'confirmer')
  const asked = await browser.get(toApp('/auth/github'), from('cross-site'))
  t.regex(await confirm(browser, asked), /^http/)
})

test('a forged form leads to no provider', async (t) => {
  const browser = openCookieBrowser(stage)
  const asked = await browser.get(toApp('/auth/github'), from('cross-site'))
  const foreign = await browser.send(
    actionOf(asked),
    { csrf: tokenOf(asked) },
    { Origin: 'https://evil.test' },
  )
  t.is(foreign.status, 403)
  const forged = await browser.send(actionOf(asked), { csrf: 'x' })
  t.is(forged.status, 403)
  t.regex(alertsOf(forged), /Please try again/)
  t.regex(await confirm(browser, forged), /^http/)
  t.is((await browser.get(actionOf(asked))).location, toApp('/auth/github'))
})

test('without AUTH_CONFIRM_SIGNIN, /auth/github redirects at once', async (t) => {
  const app = await startApp({
    env: { ...stage.fake.github.environment, AUTH_REDIRECT_ORIGINS: 'https://app.test' },
  })
  t.teardown(app.close)
  t.is((await app.get(toApp('/auth/github'), from('cross-site'))).status, 302)
  t.is((await app.call('POST', toApp('/auth/github/confirm'))).status, 404)
})
