import { writeFile } from 'node:fs/promises'
import { parseConfig } from '../../src/config/config.ts'
import { createAppOf } from '../../src/pages/site.ts'
import { quick, startApp } from '../_app.ts'
import { makeDirectory } from '../_directory.ts'
import test from '../_test.ts'
import { openCookieBrowser, plain, signUp } from './_cookie-browser.ts'
import { type Stage, startPages } from './_pages.ts'

const shop = 'https://app.test'
const evil = '<b>"Shop" & Sons</b>'

let stage: Stage
test.before('start', async () => {
  stage = await startPages({
    env: {
      AUTH_REDIRECT_ORIGINS: `${shop} https://other.test`,
      AUTH_PAGES_APPS: `${shop}=${evil}`,
      AUTH_CORS_ORIGINS: 'https://other.test',
      AUTH_CONFIRM_SIGNIN: 'true',
    },
  })
})
test.after.always('stop', () => stage?.stop())

const to = (path: string, target: string) => `${path}?redirect_to=${encodeURIComponent(target)}`

test('an app is named by its exact page, its origin, any port of loopback, its scheme, or else by its host', (t) => {
  const text =
    'https://a.test=A,  https://a.test/admin = A = Admin ,http://127.0.0.1:*=Desktop App,shop://=Shop'
  const { pages } = parseConfig({
    AUTH_PAGES_APPS: text,
    AUTH_REDIRECT_ORIGINS: 'https://a.test http://127.0.0.1:*/back shop://',
  })
  const appOf = createAppOf(pages?.apps ?? new Map())
  for (const [target, name] of [
    ['https://a.test/x?y=1#z', 'A'],
    ['https://a.test/admin?code=1', 'A = Admin'],
    ['https://a.test:8443/', 'a.test:8443'],
    ['http://a.test/', 'a.test'],
    ['http://127.0.0.1:4711/back', 'Desktop App'],
    ['shop://signed-in', 'Shop'],
    ['other.app://signed-in', 'other.app'],
    ['https://b\u00fccher.test/', 'xn--bcher-kva.test'],
  ] as const)
    t.is(appOf(target), name, target)
})

test('every page for an app says its name, as text', async (t) => {
  const browser = openCookieBrowser(stage)
  const pages = {
    signIn: await browser.get(to('/signin', shop)),
    signUp: await browser.get(to('/signup', shop)),
    confirm: await browser.get(to('/auth/github', shop), { 'Sec-Fetch-Site': 'cross-site' }),
    signedOut: await browser.get(to('/signed-out', shop)),
  }
  t.true(plain(pages.signIn.text).includes(`${evil} asks you to sign in.`))
  t.true(plain(pages.signUp.text).includes(`You will be taken back to ${evil}.`))
  t.true(plain(pages.confirm.text).includes(`Sign in to ${evil} You will be taken back to ${evil}.`))
  t.true(plain(pages.signedOut.text).includes(`Back to ${evil}`))
  for (const { text } of Object.values(pages)) t.false(text.includes('<b>'))
  await signUp(browser, 'namer')
  t.true(plain((await browser.get(to('/signin', shop))).text).includes(`${evil} asks you to sign in.`))
})

test('an app without a name is named by its host, and without an app no app is named', async (t) => {
  const browser = openCookieBrowser(stage)
  t.regex(
    plain((await browser.get(to('/signin', 'https://other.test/x'))).text),
    /other\.test asks you to sign in/,
  )
  const german = { 'Accept-Language': 'de' }
  t.regex(
    plain((await browser.get(to('/signin', 'https://other.test/x'), german)).text),
    /other\.test bittet Sie, sich anzumelden/,
  )
  t.notRegex((await browser.get('/signin')).text, /asks you|class="lead"/)
  t.notRegex((await browser.get('/signup')).text, /taken back|class="lead"/)
})

test('the account page says of each session for which app it is, how it began and on which day', async (t) => {
  const browser = openCookieBrowser(stage)
  await signUp(browser, 'placed')
  const { app } = stage
  const body = { username: 'placed', password: 'correct horse' }
  for (const origin of ['https://other.test', 'https://unknown.test', undefined])
    await app.call('POST', '/login', { body, headers: origin === undefined ? {} : { Origin: origin } })
  await browser.submit(to('/signin', shop), to('/signin/continue', shop))
  await app.sql(
    `UPDATE session SET created_at = '2026-03-01T12:00:00Z', rotated_at = $2::timestamptz - interval '1 hour', provider = CASE WHEN app = $1 THEN 'github' ELSE provider END
     WHERE user_id = (SELECT id FROM "user" WHERE username = 'placed')`,
    [shop, app.clock.now],
  )
  const placesOf = async (language: string) => {
    const { text } = await browser.get('/account', { 'Accept-Language': language })
    const rows = [...text.matchAll(/ id="session-\d+">(.*?)<\/span><\/span>/gs)]
    return rows.map(([, row = '']) => plain(row)).sort()
  }
  t.deepEqual(await placesOf('en'), [
    'This browser · These pages · 127.0.0.1 Signed in with the password · Mar 1, 2026',
    'Used 1 hour ago · 127.0.0.1 Signed in with the password · Mar 1, 2026',
    'Used 1 hour ago · 127.0.0.1 Signed in with the password · Mar 1, 2026',
    `Used 1 hour ago · ${evil} · 127.0.0.1 Signed in with GitHub · Mar 1, 2026`,
    'Used 1 hour ago · other.test · 127.0.0.1 Signed in with the password · Mar 1, 2026',
  ])
  const german = await placesOf('de')
  t.true(
    german.includes('Dieser Browser · Diese Seiten · 127.0.0.1 Angemeldet mit dem Passwort · 01.03.2026'),
  )
  await app.sql(`UPDATE session SET provider = NULL, app = NULL`)
  t.true((await placesOf('en')).includes('This browser · 127.0.0.1 Signed in · Mar 1, 2026'))
})

test('the username may be an e-mail address where the label says so', async (t) => {
  t.regex(plain((await openCookieBrowser(stage).get('/signin')).text), /Username or e-mail address/)
  const folder = await makeDirectory()
  const svg = '<svg xmlns="http://www.w3.org/2000/svg"/>'
  await writeFile(`${folder}/light.svg`, svg)
  await writeFile(`${folder}/dark.svg`, svg)
  const app = await startApp({
    engine: quick,
    env: {
      AUTH_USERNAME_AT: 'false',
      AUTH_PAGES_LOGO: `${folder}/light.svg`,
      AUTH_PAGES_LOGO_DARK: `${folder}/dark.svg`,
    },
  })
  t.teardown(app.close)
  for (const path of ['/signin', '/signup']) {
    const { text } = await app.get(path, { Accept: 'text/html' })
    t.regex(text, /<label for="username">Username<\/label>/)
    const [, file = ''] =
      /<source srcset="(\/pages\/logo-dark\.[^"]+\.svg)" media="\(prefers-color-scheme: dark\)">/.exec(
        text,
      ) ?? []
    t.is((await app.get(file)).status, 200, 'and the logo of dark mode is served')
  }
})

for (const target of ['https://b.test', 'https://a.test/other', 'shops://', 'https://a.test:8443'])
  test(`AUTH_PAGES_APPS is refused with ${target}, which AUTH_REDIRECT_ORIGINS does not allow`, (t) => {
    const env = { AUTH_REDIRECT_ORIGINS: 'https://a.test/back shop://', AUTH_PAGES_APPS: `${target}=Shop` }
    t.throws(() => parseConfig(env), {
      message: /AUTH_PAGES_APPS must name only targets that AUTH_REDIRECT_ORIGINS allows$/,
    })
  })

test('AUTH_PAGES_LOGO_DARK alone is refused', (t) => {
  t.throws(() => parseConfig({ AUTH_PAGES_LOGO_DARK: 'x.svg' }), {
    message: /AUTH_PAGES_LOGO_DARK requires AUTH_PAGES_LOGO/,
  })
})
