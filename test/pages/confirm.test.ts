import { get, type IncomingMessage } from 'node:http'
import { cookieHeader, cookieName } from '../_cookies.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { githubber } from '../authentication/_sign-in.ts'
import { during } from '../observability/_events.ts'
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
  stage = await startPages()
  stage.fake.askForConsent(false)
})
test.after.always('stop', () => stage?.stop())

const password = 'correct horse'
const link = '/account/identities/github/link'
const unlink = '/account/identities/github/unlink'
const grow = () => stage.app.clock.advance(301)

/** Visits a provider and returns the answer of the gateway to the callback. */
async function visitProvider(browser: CookieBrowser, location: string, profile = githubber()): Promise<Seen> {
  const { pathname, search } = new URL(stage.fake.authorize(location, profile))
  return browser.get(pathname + search)
}

async function signInWithGithub(browser: CookieBrowser, profile = githubber()) {
  const { location } = await browser.get('/signin/github')
  const back = await visitProvider(browser, location ?? '', profile)
  if (back.location !== '/account') throw new Error(`sign-in with GitHub: ${back.status} ${back.text}`)
  return profile
}

/** Follows a link from a page of another site as a browser does; the headers of `fetch` would be those of a script. */
const follow = ({ cookies }: CookieBrowser, path: string) =>
  new Promise<IncomingMessage>((resolve, reject) => {
    const headers = {
      ...cookieHeader(cookies),
      'Sec-Fetch-Site': 'cross-site',
      'Sec-Fetch-Mode': 'navigate',
    }
    get(stage.app.url + path, { headers }, (answer) => resolve(answer.resume())).on('error', reject)
  })

/** Asserts that an answer asks for a confirmation, and returns the fields that the form needs. */
function asked(t: ExecutionContext, answer: Seen, action: string) {
  t.is(answer.status, 403)
  t.regex(plain(answer.text), /Confirm that it is you/)
  t.is(alertsOf(answer), '')
  t.is(actionOf(answer), action)
  return (word: string) => ({ csrf: tokenOf(answer), password: word })
}

const userOf = async (username: string) => {
  const text = `SELECT u.password, (SELECT count(*)::int FROM identity i WHERE i.user_id = u.id) AS identities,
    (SELECT count(*)::int FROM session s WHERE s.user_id = u.id) AS sessions FROM "user" u WHERE u.username = $1`
  type Row = { password: string | null; identities: number; sessions: number }
  return (await stage.app.sql<Row>(text, [username]))[0]
}

test.serial('after a while, linking and unlinking ask for the password and then go on', async (t) => {
  const browser = openCookieBrowser(stage)
  await signUp(browser, 'anna')
  grow()
  const fields = asked(t, await browser.submit('/account', link), link)
  const wrong = await browser.send(link, fields('wrong horse'))
  t.is(wrong.status, 401)
  t.is(actionOf(wrong), link)
  t.is(alertsOf(wrong), 'Password is wrong.')
  const none = await browser.send(link, fields(''))
  t.is(none.status, 422)
  t.is(alertsOf(none), 'Password is missing.')
  t.is((await userOf('anna'))?.identities, 0)

  const { answer, names } = await during(stage.app, () => browser.send(link, fields(password)))
  t.deepEqual(names, ['stepup.ok'])
  const [, url = ''] = /<meta http-equiv="refresh" content="0;url=([^"]+)">/.exec(answer.text) ?? []
  const back = await visitProvider(browser, url.replaceAll('&amp;', '&'))
  t.is(back.location, `${stage.url}/account?linked=github`)
  grow()
  const again = asked(t, await browser.submit('/account', unlink), unlink)
  t.is((await browser.send(unlink, again(password))).location, '/account?done=unlinked')
  t.deepEqual(await userOf('anna').then((user) => user && [user.identities, user.sessions]), [0, 1])
})

test.serial(
  'an error after the confirmation is shown on the account page, and announced as its own',
  async (t) => {
    const browser = openCookieBrowser(stage)
    await signUp(browser, 'berta')
    grow()
    const fields = asked(t, await browser.submit('/account', unlink), unlink)
    const { answer, names } = await during(stage.app, () => browser.send(unlink, fields(password)))
    t.is(answer.status, 404)
    t.deepEqual(names, ['stepup.ok'])
    t.regex(answer.text, /id="ways"/)
  },
)

test.serial('a first password asks for the linked provider, in the same session', async (t) => {
  const browser = openCookieBrowser(stage)
  const profile = await signInWithGithub(browser, githubber('carla'))
  t.regex((await browser.get('/account')).text, /id="newPassword"/)
  grow()
  const account = await browser.get('/account')
  t.notRegex(account.text, /id="newPassword"/)
  t.regex(account.text, /href="\/account\/confirm"/)
  const sent = await browser.submit('/account', '/account/password', { newPassword: 'another horse' })
  t.is(sent.status, 403)
  const page = await browser.get('/account/confirm')
  t.is(page.status, 200)
  for (const { text } of [sent, page]) {
    t.notRegex(text, /<form|confirm\/google/)
    t.regex(text, /href="\/account\/confirm\/github"/)
  }
  t.is((await userOf('carla'))?.password, null)

  const cookie = browser.cookies.get(cookieName(stage.url, 'claimgate'))
  const { location } = await browser.get('/account/confirm/github')
  const { answer, events } = await during(stage.app, () => visitProvider(browser, location ?? '', profile))
  t.is(answer.location, '/account?done=confirmed')
  t.like(events, { length: 1, 0: { event: 'stepup.ok', provider: 'github' } })
  t.not(cookie, undefined)
  t.is(browser.cookies.get(cookieName(stage.url, 'claimgate')), cookie)
  const confirmed = await browser.get('/account?done=confirmed')
  t.regex(plain(confirmed.text), /You can now change how you sign in/)
  t.regex(confirmed.text, /<details open>/)
  const fields = { csrf: tokenOf(confirmed), newPassword: 'another horse' }
  t.is((await browser.send('/account/password', fields)).location, '/account?done=password')
  t.is((await userOf('carla'))?.sessions, 1)
})

test.serial(
  'another account at the provider confirms nothing, links nothing and makes no user',
  async (t) => {
    const browser = openCookieBrowser(stage)
    await signInWithGithub(browser, githubber('dora'))
    grow()
    for (const stranger of [githubber('stranger'), await signInWithGithub(openCookieBrowser(stage))]) {
      const { location } = await browser.get('/account/confirm/github')
      const { answer, events } = await during(stage.app, () =>
        visitProvider(browser, location ?? '', stranger),
      )
      t.is(answer.location, `${stage.url}/account?error=fresh_authentication_required`)
      t.like(events, { length: 1, 0: { event: 'stepup.failed', code: 'fresh_authentication_required' } })
      t.regex(alertsOf(await browser.get('/account?error=fresh_authentication_required')), /not confirmed/)
    }
    t.is(await userOf('stranger'), undefined)
    t.is((await userOf('dora'))?.identities, 1)
    const sent = await browser.submit('/account', '/account/password', { newPassword: 'another horse' })
    t.is(sent.status, 403)
  },
)

test.serial('a confirmation of a session that has ended meanwhile is rejected', async (t) => {
  const browser = openCookieBrowser(stage)
  const profile = await signInWithGithub(browser, githubber('emma'))
  const { location } = await browser.get('/account/confirm/github')
  await browser.submit('/account', '/account/signout')
  const back = await visitProvider(browser, location ?? '', profile)
  t.is(back.location, `${stage.url}/account?error=invalid_state`)
  t.is((await browser.get('/account')).location, '/signin')
})

test.serial(
  'the confirmation page alone: with a password, without it, from another site, signed out',
  async (t) => {
    const browser = openCookieBrowser(stage)
    t.is((await browser.get('/account/confirm')).location, '/signin')
    t.is((await browser.get('/account/confirm/github')).location, '/signin')
    await signUp(browser, 'frida')
    grow()
    const page = await browser.get('/account/confirm', { 'Accept-Language': 'de' })
    t.regex(plain(page.text), /Bestätigen Sie, dass Sie es sind/)
    const fields = { csrf: tokenOf(page) }
    asked(t, await browser.send('/account/confirm', fields), '/account/confirm')
    t.is(
      (await browser.send('/account/confirm', { ...fields, password })).location,
      '/account?done=confirmed',
    )
    t.is((await browser.submit('/account', link)).status, 200)
    const { statusCode, headers } = await follow(browser, '/account/confirm/github')
    t.is(statusCode, 303)
    t.is(headers.location, '/account/confirm')
  },
)
