import { parseConfig } from '../../src/config/config.ts'
import { createCookie } from '../../src/http/cookie.ts'
import { startApp } from '../_app.ts'
import { cookieName } from '../_cookies.ts'
import test from '../_test.ts'
import { openCookieBrowser } from '../pages/_cookie-browser.ts'

function nameAt(url: string): string {
  const { publicUrl } = parseConfig({ AUTH_PUBLIC_URL: url })
  return createCookie('claimgate', { publicUrl, sameSite: 'lax' }).name
}

test('at a URL without port and path a cookie has its plain name, so an update signs no user out', (t) => {
  for (const url of ['https://auth.test', 'https://auth.test/', 'https://auth.test:443'])
    t.is(nameAt(url), '__Host-claimgate')
  for (const url of ['http://localhost', 'http://localhost:80/']) t.is(nameAt(url), 'claimgate')
})

test('a cookie has another name at another port and at another path of one host', (t) => {
  const urls = [
    'https://auth.test',
    'https://auth.test:8443',
    'https://auth.test/auth',
    'https://auth.test/auth-staging',
    'https://auth.test:8443/auth',
    'http://auth.test',
    'http://auth.test:8080',
    'http://auth.test:8081',
    'http://auth.test/auth',
  ]
  const names = urls.map(nameAt)
  t.is(new Set(names).size, urls.length)
  t.deepEqual(
    names,
    urls.map((url) => cookieName(url, 'claimgate')),
  )
  t.is(nameAt('https://auth.test/auth/'), nameAt('https://auth.test/auth'))
})

for (const [place, path, urls] of [
  ['ports', '/', ['http://gateway.test:8080', 'http://gateway.test:8081']],
  ['paths', '/', ['https://gateway.test/auth', 'https://gateway.test/auth-staging']],
  ['paths over http', '/auth(-staging)?', ['http://gateway.test/auth', 'http://gateway.test/auth-staging']],
] as const) {
  test.serial(`gateways at two ${place} of one host do not sign each other's users out`, async (t) => {
    const cookies = new Map<string, string>()
    const browsers = []
    for (const url of urls) {
      const app = await startApp({
        env: { AUTH_PUBLIC_URL: url, AUTH_SECRET: `the secret of ${url} `.repeat(2) },
      })
      t.teardown(app.close)
      const browser = openCookieBrowser({ app, url: new URL(url).origin }, cookies)
      const fields = { username: 'ada', password: 'correct horse', confirmPassword: 'correct horse' }
      const { status, headers } = await browser.submit('/signup', '/signup/form', fields)
      t.is(status, 303)
      for (const cookie of headers.getSetCookie()) t.regex(cookie, new RegExp(`; path=${path};`))
      browsers.push(browser)
    }
    for (const browser of browsers) t.is((await browser.get('/account')).status, 200)
    t.is([...cookies.keys()].filter((name) => /claimgate-[0-9a-f]{8}$/.test(name)).length, 2)
  })
}
