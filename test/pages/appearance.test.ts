import { writeFile } from 'node:fs/promises'
import { parseConfig } from '../../src/config/config.ts'
import { html } from '../../src/http/html.ts'
import { contrast, createAccent } from '../../src/pages/accent.ts'
import { loadPages } from '../../src/pages/assets.ts'
import { readDevice } from '../../src/pages/components.ts'
import en from '../../src/pages/locales/en.ts'
import { isolateBidi } from '../../src/pages/texts.ts'
import { appTest, quick, root } from '../_app.ts'
import { makeDirectory } from '../_directory.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { alertsOf, openCookieBrowser, plain, signUp } from './_cookie-browser.ts'
import { type Stage, startPages } from './_pages.ts'

let stage: Stage
test.before('start', async () => {
  stage = await startPages()
})
test.after.always('stop', () => stage?.stop())

const settings = {
  name: 'Acme',
  logo: undefined,
  logoDark: undefined,
  accent: '#3451b2',
  language: undefined,
  apps: new Map<string, string>(),
}

/** Returns the bytes of a page with all its resources. */
async function sizeOf(t: ExecutionContext, text: string): Promise<number> {
  const files = [...text.matchAll(/(?:href|src)="(\/pages\/[^"]+)"/g)].map(([, path = '']) => path)
  const loaded = await Promise.all([...new Set(files)].map((path) => openCookieBrowser(stage).get(path)))
  t.is(loaded.length, 3)
  return [text, ...loaded.map((file) => file.text)].reduce((sum, part) => sum + Buffer.byteLength(part), 0)
}

test('every page, with all that it loads, is smaller than 20 KB', async (t) => {
  const browser = openCookieBrowser(stage)
  const pages = new Map([
    ['signin', (await browser.get('/signin')).text],
    ['signup', (await browser.submit('/signup', '/signup/form', { username: '' })).text],
    ['signed-out', (await browser.get('/signed-out')).text],
  ])
  await signUp(browser, 'sized')
  pages.set('account', (await browser.get('/account')).text)
  for (const [name, text] of pages) {
    const bytes = await sizeOf(t, text)
    t.true(bytes < 20_000, `${name}: ${bytes}`)
  }
})

test('the account page stays small with 50 sessions: it shows the current session and the last used sessions', async (t) => {
  const browser = openCookieBrowser(stage)
  await signUp(browser, 'everywhere')
  await stage.app.sql(
    `INSERT INTO session (user_id, created_at, idle_expires_at, expires_at, user_agent, address)
     SELECT u.id, $1::timestamptz + s.number * interval '1 second', $1::timestamptz + interval '1 day',
       $1::timestamptz + interval '1 day', $2, '2001:db8:aaaa:bbbb:cccc:dddd:eeee:' || s.number
     FROM "user" u, generate_series(1, 49) AS s(number) WHERE u.username = 'everywhere'`,
    [stage.app.clock.now, 'Mozilla/5.0 (X11; Linux x86_64) SamsungBrowser/30'],
  )
  for (const [language, more, here] of [
    ['en', 'and 40 more', 'This browser'],
    ['de', 'und 40 weitere', 'Dieser Browser'],
  ] as const) {
    const { text } = await browser.get('/account', { 'Accept-Language': language })
    const addresses = [...text.matchAll(/eeee:(\d+)/g)].map(([, number]) => Number(number))
    t.deepEqual(addresses, [49, 48, 47, 46, 45, 44, 43, 42, 41])
    t.true(plain(text).includes(here))
    t.true(plain(text).includes(more))
    const bytes = await sizeOf(t, text)
    t.true(bytes < 20_000, `${bytes}`)
  }
  await browser.submit('/account', '/account/sessions/end-others')
  t.notRegex((await browser.get('/account')).text, /eeee:|and \d+ more/)
})

test('a page loads nothing from elsewhere, has no script and no style of its own, and says so', async (t) => {
  const browser = openCookieBrowser(stage)
  await signUp(browser, 'strict')
  for (const path of ['/signin?prompt=login', '/signup?redirect_to=x', '/account', '/nowhere']) {
    const { text, headers } = await browser.get(path)
    t.is(
      headers.get('content-security-policy'),
      "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    )
    t.is(headers.get('referrer-policy'), 'same-origin')
    t.is(headers.get('cache-control'), 'no-store')
    t.is(headers.get('x-frame-options'), 'DENY')
    t.notRegex(text, /<style|style="|<script>|\son\w+="|(src|href|action)="(https?:|\/\/)/)
  }
})

test('the files of a page may be kept for ever, under names that change with their content', async (t) => {
  const { text } = await openCookieBrowser(stage).get('/signin')
  const files = [...text.matchAll(/"(\/pages\/(?:style|script|logo)\.[\w-]{12}\.(?:css|js|svg))"/g)]
  t.true(files.length >= 3)
  for (const [, path = ''] of files) {
    const { status, headers } = await stage.app.get(path)
    t.is(status, 200)
    t.is(headers.get('cache-control'), 'public, max-age=31536000, immutable')
    t.regex(headers.get('content-security-policy') ?? '', /sandbox/)
  }
  t.is((await stage.app.get('/pages/style.css')).status, 404)
  t.is((await stage.app.get('/pages/..%2fpackage.json')).status, 404)
  t.is((await stage.app.get('/pages/__proto__')).status, 404)
})

test('a script of an app on a sister site does not get to see a page, whatever CORS allows it', async (t) => {
  const browser = openCookieBrowser(stage)
  await signUp(browser, 'isolated')
  const origin = new URL(stage.home).origin
  const headers = { Origin: origin, 'Sec-Fetch-Site': 'same-site', 'Sec-Fetch-Mode': 'cors' }
  const spied = await browser.get('/account', headers)
  t.is(spied.status, 403)
  const { headers: answered } = await browser.get('/account', { Origin: origin })
  t.is(answered.get('access-control-allow-origin'), null)
  t.is(answered.get('access-control-allow-credentials'), null)
  t.is(
    (await stage.app.get('/providers', { Origin: origin })).headers.get('access-control-allow-origin'),
    origin,
  )
})

test('a window with /account is of no use to the site that has opened it; one with /signin may be', async (t) => {
  const browser = openCookieBrowser(stage)
  const policyOf = async (path: string) => (await browser.get(path)).headers.get('cross-origin-opener-policy')
  t.is(await policyOf('/signin'), null)
  await signUp(browser, 'opened')
  t.is(await policyOf('/account'), 'same-origin')
  const path = `/signin?redirect_to=${encodeURIComponent(stage.home)}`
  t.is(await policyOf(path), null)
})

test('a person at / gets to the sign-in or the account, a program an index of the JSON interface', async (t) => {
  const browser = openCookieBrowser(stage)
  t.is((await browser.get('/')).location, '/signin')
  await signUp(browser, 'fronter')
  t.is((await browser.get('/')).location, '/account')
  for (const accept of ['*/*', 'application/json', 'application/json, text/html;q=0.9']) {
    const { status, body } = await stage.app.get<{ links: Record<string, string> }>('/', { Accept: accept })
    t.is(status, 200)
    t.is(body.links.login, `${stage.url}/login`)
    for (const link of Object.values(body.links)) {
      t.not((await stage.app.get(new URL(link).pathname)).status, 404, link)
    }
  }
})

test('an unknown address is a page for a person and a problem for a program; so is one for the other', async (t) => {
  const person = await openCookieBrowser(stage).get('/nowhere')
  t.is(person.status, 404)
  t.regex(plain(person.text), /Page not found/)
  t.regex((await stage.app.get('/nowhere')).text, /^{"type"/)
  t.regex((await openCookieBrowser(stage).get('/user')).text, /^{"type"/)
  t.is((await openCookieBrowser(stage).get('/login')).status, 405)
})

test('at the address of a page a person gets a page whatever goes wrong, and a program a problem', async (t) => {
  const browser = openCookieBrowser(stage)
  const long = `/signin?redirect_to=${'x'.repeat(2048)}`
  for (const [path, seen, code] of [
    [long, await browser.get(long), 'query_too_long'],
    ['/account', await browser.send('/account', {}), 'method_not_allowed'],
  ] as const) {
    t.is(seen.status, code === 'query_too_long' ? 414 : 405)
    t.regex(seen.text, /^<!doctype html>/, path)
    t.true(seen.text.includes(`<code>${code}</code>`))
    t.notRegex(alertsOf(seen), /unexpected error/)
    t.is(seen.headers.get('cache-control'), 'no-store')
  }
  t.is((await browser.send('/account', {})).headers.get('allow'), 'HEAD, GET')
  t.regex((await stage.app.get(long)).text, /^{"type"/)
  t.regex((await stage.app.call('POST', '/account')).text, /^{"type"/)
  // The same address is a page with GET and belongs to programs with POST.
  t.regex((await browser.send('/signup', {})).text, /^{"type"/)
  t.regex((await browser.send(`/login?${'x'.repeat(3000)}`, {})).text, /^{"type"/)
})

test('pages speak the language that the browser asks for, with every error, and English to all others', async (t) => {
  const browser = openCookieBrowser(stage)
  const german = { 'Accept-Language': 'de-AT,de;q=0.9,en;q=0.8' }
  const signin = await browser.get('/signin', german)
  t.regex(signin.text, /<html lang="de" dir="ltr">/)
  t.is(signin.headers.get('content-language'), 'de')
  const fields = { username: 'x\u0007', password: 'abc', confirmPassword: 'abcd' }
  const wrong = await browser.submit('/signup', '/signup/form', fields, german)
  t.is(
    alertsOf(wrong),
    'Benutzername: Ein Zeichen ist unsichtbar. Bitte entfernen. Passwort: Mindestens 4 Zeichen sind nötig. Die beiden Passwörter stimmen nicht überein.',
  )
  for (const language of ['fr', '', '*', 'xx;q=9,,']) {
    t.regex((await browser.get('/signin', { 'Accept-Language': language })).text, /<html lang="en"/)
  }
})

test.serial(
  'without pages their routes do not exist, and / is the index for every client',
  appTest({ engine: quick, env: { AUTH_PAGES: 'false' } }, async (t, app) => {
    const headers = { Accept: 'text/html' }
    for (const path of ['/signin', '/account', '/signed-out', '/signin/github', '/pages/x', '/nowhere']) {
      const { status, text } = await app.get(path, headers)
      t.is(status, 404, path)
      t.regex(text, /^{"type"/)
    }
    t.is((await app.get('/signup', headers)).status, 405)
    t.is((await app.get('/', headers)).status, 200)
    t.regex((await app.get('/auth/github/callback', headers)).text, /^{"type"/)
  }),
)

test.serial(
  'behind a proxy that gives the gateway a folder, every link and form stays in it',
  appTest({ engine: quick, env: { AUTH_PUBLIC_URL: 'https://example.test/auth' } }, async (t, app) => {
    const browser = openCookieBrowser({ app, url: 'https://example.test' })
    const { text } = await browser.get('/signup')
    for (const [, path = ''] of text.matchAll(/(?:href|src|action)="([^"]+)"/g)) t.regex(path, /^\/auth\//)
    const fields = { username: 'ada', password: 'correct horse', confirmPassword: 'correct horse' }
    const made = await browser.submit('/signup', '/signup/form', fields)
    t.is(made.location, '/auth/account')
    t.regex(made.headers.getSetCookie().join(), /__Host-claimgate-[0-9a-f]{8}=[^;]+; path=\/; .*; secure/i)
  }),
)

test.serial('while sign-up is closed there is no page and no link for it', async (t) => {
  const own = await startPages({
    env: { AUTH_SIGNUP: 'false', AUTH_RATE_LIMIT: 'on', AUTH_LOGIN_FAILURES: '1' },
  })
  t.teardown(own.stop)
  const browser = openCookieBrowser(own)
  t.is((await browser.get('/signup')).status, 403)
  t.notRegex((await browser.get('/signin')).text, /signup/)
  const csrf = /name="csrf" value="([^"]+)"/.exec((await browser.get('/signin')).text)?.[1] ?? ''
  t.is(
    (await browser.send('/signup/form', { csrf, username: 'x', password: 'abcd', confirmPassword: 'abcd' }))
      .status,
    403,
  )
  const guess = () => browser.submit('/signin', '/signin', { username: 'bob', password: 'wrong' })
  t.is((await guess()).status, 401)
  const limited = await guess()
  t.is(limited.status, 429)
  t.regex(limited.headers.get('retry-after') ?? '', /^\d+$/)
  t.regex(alertsOf(limited), /^Too many attempts\. Try again in \d+ minutes\.$/)
  t.regex(limited.text, /value="bob"/)
})

test('any accent colour can be read, on it and as text, in light and in dark', (t) => {
  const rgb = (colour: string) => {
    const value = Number.parseInt(colour.slice(1), 16)
    return [value >> 16, (value >> 8) & 255, value & 255] as const
  }
  const colours = [
    '#000000',
    '#ffffff',
    '#3451b2',
    '#ffcc00',
    '#777777',
    '#ff0000',
    '#00ff00',
    '#0000ff',
    '#767676',
  ]
  for (const colour of colours) {
    const accent = createAccent(colour)
    t.is(accent.fill, colour)
    t.true(contrast(rgb(accent.fill), rgb(accent.onFill)) >= 4.5, colour)
    for (const background of ['#ffffff', '#f1f3f7']) {
      t.true(contrast(rgb(accent.textOnLight), rgb(background)) >= 4.5, `${colour} on ${background}`)
    }
    for (const background of ['#1c202b', '#12151c']) {
      t.true(contrast(rgb(accent.textOnDark), rgb(background)) >= 4.5, `${colour} on ${background}`)
    }
  }
})

test('the accent colour is in the style, and the name in every title', async (t) => {
  const files = await loadPages({ ...settings, accent: '#ffcc00' }, root)
  t.regex(String(files.assets.get(files.style)?.body), /^:root{--accent:#ffcc00;--on-accent:#000000;/)
  t.is(files.name, 'Acme')
  t.deepEqual([...files.locales.keys()], ['en', 'de'])
  const german = await loadPages({ ...settings, language: 'de' }, root)
  t.deepEqual([...german.locales.keys()], ['de'])
})

const svg = '<?xml version="1.0"?>\n<!-- a logo -->\n<svg xmlns="http://www.w3.org/2000/svg"/>'
const png = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(100)])

test('a logo is an SVG or a PNG by what is in it, and has at most 100 KB', async (t) => {
  const folder = await makeDirectory()
  const load = async (content: string | Buffer) => {
    const logo = `${folder}/logo`
    await writeFile(logo, content)
    const files = await loadPages({ ...settings, logo }, root)
    return files.assets.get(files.logo)?.type
  }
  const dark = `${folder}/dark`
  await writeFile(dark, png)
  const both = await loadPages({ ...settings, logo: dark, logoDark: dark }, root)
  t.regex(both.logoDark ?? '', /^logo-dark\.[\w-]{12}\.png$/)
  t.is(both.assets.get(both.logoDark ?? '')?.type, 'image/png')
  await t.throwsAsync(loadPages({ ...settings, logo: dark, logoDark: `${folder}/none` }, root), {
    message: 'AUTH_PAGES_LOGO_DARK must name a readable file',
  })
  t.is(await load(svg), 'image/svg+xml')
  t.is(await load(png), 'image/png')
  for (const content of ['<html><svg></svg></html>', '<!doctype html>', 'GIF89a', '', ' '.repeat(3000)]) {
    await t.throwsAsync(load(content), { message: 'AUTH_PAGES_LOGO must be an SVG or a PNG' })
  }
  await t.throwsAsync(load(svg + ' '.repeat(102_400)), { message: /at most 102400 bytes/ })
  await t.throwsAsync(loadPages({ ...settings, logo: `${folder}/none` }, root), {
    message: /AUTH_PAGES_LOGO/,
  })
  await t.throwsAsync(loadPages({ ...settings, language: 'fr' }, root), {
    message: 'AUTH_PAGES_LANGUAGE must be one of de, en',
  })
})

for (const [name, value] of [
  ['AUTH_PAGES', 'maybe'],
  ['AUTH_PAGES_NAME', 'x'.repeat(61)],
  ['AUTH_PAGES_NAME', 'a\nb'],
  ['AUTH_PAGES_ACCENT', 'red'],
  ['AUTH_PAGES_ACCENT', '#fff'],
  ['AUTH_PAGES_ACCENT', '#000000;}'],
  ['AUTH_PAGES_LANGUAGE', '../en'],
  ['AUTH_PAGES_APPS', 'https://app.test'],
  ['AUTH_PAGES_APPS', 'https://app.test='],
  ['AUTH_PAGES_APPS', 'https://app.test/=Shop'],
  ['AUTH_PAGES_APPS', 'app.test=Shop'],
  ['AUTH_PAGES_APPS', 'javascript://=Shop'],
  ['AUTH_PAGES_APPS', `https://app.test=${'x'.repeat(61)}`],
  ['AUTH_PAGES_APPS', 'https://app.test=Shop\u202e'],
  ['AUTH_PAGES_APPS', 'https://app.test=Shop\nEvil'],
  ['AUTH_PAGES_APPS', 'https://app.test=Shop,https://app.test=Store'],
] as const) {
  test(`${name}=${JSON.stringify(value)} is refused at the start`, (t) => {
    t.throws(() => parseConfig({ [name]: value }), { message: new RegExp(`${name} must`) })
  })
}

test('a template escapes what is text, wherever it stands', (t) => {
  const evil = `<&>"'`
  t.is(
    html`<p title="${evil}">${[evil, html`<b>${1}</b>`, null, false, undefined]}</p>`.html,
    '<p title="&lt;&amp;&gt;&quot;&#39;">&lt;&amp;&gt;&quot;&#39;<b>1</b></p>',
  )
})

test('a name in the other direction is kept apart from the sentence that it is in, wherever one is', async (t) => {
  const texts = isolateBidi(en)
  t.is(texts.continueAs('عادة'), 'Continue as \u2068عادة\u2069')
  t.is(texts.continueAs('ada'), 'Continue as ada')
  const hebrew = isolateBidi({ ...en, direction: 'rtl' })
  t.is(hebrew.continueAs('ada'), 'Continue as \u2068ada\u2069')
  for (const sentence of [
    hebrew.signInTo,
    hebrew.signUpTo,
    hebrew.continueWith,
    hebrew.signedInAs,
    hebrew.askedBy,
    hebrew.goesBackTo,
    hebrew.backTo,
    hebrew.signedInWith,
    hebrew.linkProvider,
    hebrew.unlinkProvider,
    hebrew.redirecting,
    hebrew.done.linked,
  ])
    t.regex(sentence('ada'), /\u2068ada\u2069/)
  const browser = openCookieBrowser(stage)
  await signUp(browser, 'שירה')
  const asked = await browser.get(`/signin?redirect_to=${encodeURIComponent(stage.home)}`)
  t.true(asked.text.includes('Continue as \u2068שירה\u2069</button>'))
  const leaving = await browser.get(`/signed-out?redirect_to=${encodeURIComponent(stage.home)}`)
  t.true(leaving.text.includes('signed in as \u2068שירה\u2069.'))
})

test('a device is called by its browser and system', (t) => {
  const read = (userAgent: string | null) => Object.values(readDevice(userAgent)).join(' ')
  const kit = 'AppleWebKit/537.36 (KHTML, like Gecko)'
  t.is(read(`Mozilla/5.0 (X11; Linux x86_64) ${kit} Chrome/156.0.0.0 Safari/537.36`), 'Chrome Linux')
  t.is(
    read(`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${kit} Chrome/156.0.0.0 Safari/537.36 Edg/156.0`),
    'Edge Windows',
  )
  t.is(
    read('Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:150.0) Gecko/20100101 Firefox/150.0'),
    'Firefox macOS',
  )
  t.is(
    read(
      'Mozilla/5.0 (iPhone; CPU iPhone OS 20_0 like Mac OS X) AppleWebKit/605 Version/20 Mobile/15E Safari/604',
    ),
    'Safari iOS',
  )
  t.is(
    read(`Mozilla/5.0 (Linux; Android 16; K) ${kit} Chrome/156.0.0.0 Mobile Safari/537.36`),
    'Chrome Android',
  )
  t.is(read('x'), ' ')
  t.is(read(null), ' ')
})
