import test from '../_test.ts'
import { githubber, openBrowser, type Stage, startStage } from './_sign-in.ts'

let https: Stage
let http: Stage
test.serial.before('start', async () => {
  https = await startStage()
  http = await startStage({ env: { AUTH_PUBLIC_URL: 'http://localhost:8080' } })
})
test.after.always('stop', async () => {
  await https?.stop()
  await http?.stop()
})

async function cookiesOf(stage: Stage, path: string): Promise<string[]> {
  return (await stage.app.get(path)).headers.getSetCookie()
}

function attributesOf(cookie: string): string[] {
  return cookie
    .split('; ')
    .slice(1)
    .map((attribute) => attribute.toLowerCase())
}

test('the state cookie is HttpOnly, SameSite=Lax, Secure and bound to the host when the public URL is https', async (t) => {
  const cookies = await cookiesOf(https, '/auth/github')
  t.is(cookies.length, 1)
  const [cookie = ''] = cookies
  t.regex(cookie, /^__Host-claimgate-flow-[0-9a-z]+-[0-9a-f]{16}=[\w-]+\.[\w-]*\.[\w-]+\.[\w-]+\.[\w-]+; /)
  const attributes = attributesOf(cookie)
  for (const wanted of ['httponly', 'samesite=lax', 'secure', 'path=/']) t.true(attributes.includes(wanted))
  t.false(attributes.some((attribute) => attribute.startsWith('domain')))
})

test('the state cookie has no __Host- prefix and no Secure when the public URL is http', async (t) => {
  const [cookie = ''] = await cookiesOf(http, '/auth/github')
  t.regex(cookie, /^claimgate-flow-[0-9a-f]{8}-[0-9a-z]+-[0-9a-f]{16}=/)
  const attributes = attributesOf(cookie)
  for (const wanted of ['httponly', 'samesite=lax', 'path=/']) t.true(attributes.includes(wanted))
  t.false(attributes.includes('secure'))
})

test('what a request says about itself does not change the state cookie or the callback URL', async (t) => {
  const answer = await http.app.get('/auth/github', {
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'evil.test',
    forwarded: 'proto=https;host=evil.test',
  })
  t.regex(answer.headers.getSetCookie()[0] ?? '', /^claimgate-flow-[0-9a-f]{8}-[0-9a-z]+-[0-9a-f]{16}=/)
  const location = new URL(answer.headers.get('location') ?? '')
  t.is(location.searchParams.get('redirect_uri'), 'http://localhost:8080/auth/github/callback')
})

test('the state cookie says nothing in clear', async (t) => {
  const browser = openBrowser(https.app)
  const location = await browser.start('github', { redirect_to: 'https://app.test/secret-place' })
  const state = new URL(location).searchParams.get('state') ?? ''
  const [, cookie = ''] = [...browser.cookies.entries()][0] ?? []
  const clear = cookie
    .split('.')
    .map((part) => Buffer.from(part, 'base64url').toString('latin1'))
    .join(' ')
  for (const word of [state, 'secret-place', 'github', 'codeVerifier']) {
    t.false(clear.includes(word))
    t.false(cookie.includes(word))
  }
})

for (const scheme of ['https', 'http'] as const) {
  test(`the state cookie is gone after the callback over ${scheme}`, async (t) => {
    const { app, fake } = scheme === 'https' ? https : http
    const browser = openBrowser(app)
    const callback = fake.authorize(await browser.start('github'), githubber())
    t.is(browser.cookies.size, 1)
    const answer = await browser.visit(callback)
    t.is(answer.status, 200)
    t.is(browser.cookies.size, 0)
    const [cookie = ''] = answer.headers.getSetCookie()
    t.regex(cookie, /expires=Thu, 01 Jan 1970 00:00:00 GMT/i)
    t.is(attributesOf(cookie).includes('secure'), scheme === 'https')
  })
}
