import type { SessionBody } from '../_app.ts'
import { refused } from '../_problem.ts'
import test from '../_test.ts'
import { asUser, callAction, failed, secret } from '../hasura/_actions.ts'
import { askRemote, faulty } from '../hasura/_remote.ts'
import { openCookieBrowser, signUp } from './_cookie-browser.ts'
import { type Stage, startPages } from './_pages.ts'

let stage: Stage
test.before('start', async () => {
  stage = await startPages({ env: { AUTH_PASSWORD_API: 'false', AUTH_ACTION_SECRET: secret } })
})
test.after.always('stop', () => stage?.stop())

const closed = ['/login', '/signup', '/user/password', '/user/step-up']
const password = 'correct horse'

/** Signs a user up on the page, for the app, and exchanges the code as the app does. */
async function signUpForApp(username: string): Promise<SessionBody> {
  const query = `?redirect_to=${encodeURIComponent(stage.home)}`
  const fields = { username, password, confirmPassword: password }
  return exchange(await openCookieBrowser(stage).submit(`/signup${query}`, `/signup/form${query}`, fields))
}

/** Exchanges the code of a page that redirects by itself, to the address of its link. */
async function exchange({ text }: { text: string }): Promise<SessionBody> {
  const [, code] = /href="[^"]*[?;&]code=([\w-]+)/.exec(text) ?? []
  return (await stage.app.post<SessionBody>('/token/exchange', { code })).body
}

test('AUTH_PASSWORD_API=false closes every route that takes a password, whatever the body', async (t) => {
  const { token } = await signUpForApp('ada')
  const good: Record<string, object> = {
    '/login': { username: 'ada', password },
    '/signup': { username: 'eve', password, confirmPassword: password },
    '/user/password': { currentPassword: password, newPassword: 'another horse' },
    '/user/step-up': { method: 'password', password },
  }
  for (const path of closed) {
    for (const body of [good[path], {}]) {
      const headers = { Authorization: `Bearer ${token}` }
      refused(t, await stage.app.call('POST', path, { body, headers }), 403, 'password_api_disabled')
    }
  }
  t.deepEqual(await stage.app.sql(`SELECT 1 FROM "user" WHERE username = 'eve'`), [])
})

test('AUTH_PASSWORD_API=false closes the operations of Hasura that take a password', async (t) => {
  const session = await signUpForApp('berta')
  for (const [name, input] of [
    ['login', { username: 'berta', password }],
    ['signup', { username: 'eve', password, confirmPassword: password }],
    ['changePassword', { currentPassword: password, newPassword: 'another horse' }],
    ['stepUp', { method: 'password', password }],
  ] as const) {
    failed(t, await callAction(stage.app, name, input, asUser(session)), 403, 'password_api_disabled')
  }
  const login = 'mutation ($u: String!, $p: String!) { login(username: $u, password: $p) { id } }'
  faulty(t, await askRemote(stage.app, login, { u: 'berta', p: password }), 'password_api_disabled')
  t.is((await callAction(stage.app, 'me', {}, asUser(session))).status, 200)
})

test('with AUTH_PASSWORD_API=false people sign up, in and change their password on the pages', async (t) => {
  const browser = openCookieBrowser(stage)
  await signUp(browser, 'clara')
  const change = { currentPassword: password, newPassword: 'another horse' }
  t.is((await browser.submit('/account', '/account/password', change)).location, '/account?done=password')
  const again = openCookieBrowser(stage)
  const fields = { username: 'clara', password: 'another horse' }
  t.is((await again.submit('/signin', '/signin', fields)).location, '/account')
  const { refreshToken } = await signUpForApp('dora')
  t.is((await stage.app.post('/token', { refreshToken })).status, 200)
})

test.serial(
  'with AUTH_PASSWORD_API=false an app gets a fresh authentication at the sign-in page, as the error says',
  async (t) => {
    const { app, home } = stage
    const browser = openCookieBrowser(stage)
    await signUp(browser, 'emma')
    const toApp = `redirect_to=${encodeURIComponent(home)}`
    const fields = { username: 'emma', password }
    app.clock.advance(app.config.freshSeconds + 1)
    const continued = await browser.submit(`/signin?${toApp}`, `/signin/continue?${toApp}`)
    const old = app.as(await exchange(continued))
    refused(t, await old.post('/user/identities/github', {}), 403, 'fresh_authentication_required')
    const closed = await old.post('/user/step-up', { method: 'password', password })
    refused(t, closed, 403, 'password_api_disabled')
    t.regex(String(closed.body.detail), /prompt=login/)
    const again = await browser.submit(`/signin?prompt=login&${toApp}`, `/signin?${toApp}`, fields)
    const fresh = app.as(await exchange(again))
    t.is((await fresh.post('/user/identities/github', {})).status, 200)
  },
)

test('with AUTH_PASSWORD_API=false GET /providers leads apps to the sign-in page, and the reference says what is closed', async (t) => {
  const { body } = await stage.app.get<object[]>('/providers')
  const own = { name: 'local', label: 'Username and password', flow: 'redirect', url: `${stage.url}/signin` }
  t.deepEqual(body[0], own)
  const { paths } = (await stage.app.get<{ paths: Record<string, { post: object }> }>('/openapi.json')).body
  for (const path of closed) t.true(JSON.stringify(paths[path]?.post).includes('"403"'), path)
})
