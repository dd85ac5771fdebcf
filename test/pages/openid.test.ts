import test from '../_test.ts'
import { acmeUser, type OpenIdStage, startOpenIdStage } from '../authentication/_openid.ts'
import { actionOf, openCookieBrowser, plain, tokenOf } from './_cookie-browser.ts'

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
