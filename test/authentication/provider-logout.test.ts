import type { SessionBody } from '../_app.ts'
import type { Cookies } from '../_cookies.ts'
import test from '../_test.ts'
import { startLogoutStage } from './_logout.ts'
import { acmeUser, type OpenIdStage, signInAtAcme } from './_openid.ts'

let stage: OpenIdStage
test.serial.before('start', async () => {
  stage = await startLogoutStage()
})
test.after.always('stop', () => stage?.stop())
test.serial.afterEach.always(() => {
  stage.peer.tamper({})
  stage.peer.fault('metadata', null)
  stage.clock.ahead = 0
})

const logOut = (session: SessionBody, more: Record<string, unknown> = {}, { app } = stage) =>
  app.post('/logout', { refreshToken: session.refreshToken, ...more })

test.serial('a log-out can go on to the provider, which signs the user out of all apps', async (t) => {
  const { app, peer } = stage
  const cookies: Cookies = new Map()
  const user = acmeUser()
  const { body: session } = await signInAtAcme(stage, user, {}, cookies)
  const { body: other } = await signInAtAcme(stage, user, {}, cookies)
  const answer = await logOut(session, { provider: true })
  t.is(answer.status, 200, answer.text)
  const url = new URL(String(answer.body.url))
  t.is(url.origin + url.pathname, `${peer.issuer}/session/end`)
  t.deepEqual(Object.fromEntries(url.searchParams), {
    client_id: 'the-gateway',
    post_logout_redirect_uri: 'https://gateway.test/signed-out',
  })
  t.is(await peer.signOut(url.href, cookies), 'https://gateway.test/signed-out')
  t.is((await app.get('/webhook', { authorization: `Bearer ${other.token}` })).status, 401)
  const page = await app.get('/signed-out', { accept: 'text/html' })
  t.is(page.status, 200)
  t.regex(page.text, /You are signed out/)
})

test.serial('a session that has ended already still leads to the sign-out of the provider', async (t) => {
  const { body: session } = await signInAtAcme(stage, acmeUser())
  t.is((await logOut(session)).status, 204)
  t.is((await logOut(session, { provider: true })).status, 200)
  t.is((await logOut(session, { provider: true, everywhere: true })).status, 200)
})

test.serial('without provider, and after a sign-in by password, a log-out answers 204', async (t) => {
  const { body: session } = await signInAtAcme(stage, acmeUser())
  t.is((await logOut(session, { provider: false })).status, 204)
  t.is((await logOut(await stage.app.signup('by-password'), { provider: true })).status, 204)
  t.is((await logOut(session, { provider: 'acme-corp' })).status, 422)
})

test.serial('a provider without a sign-out answers 204', async (t) => {
  const own = await startLogoutStage()
  t.teardown(own.stop)
  own.peer.tamper({ metadata: ({ end_session_endpoint: _, ...metadata }) => metadata })
  const { body: session } = await signInAtAcme(own, acmeUser())
  t.is((await logOut(session, { provider: true }, own)).status, 204)
})

test.serial('a provider that is away keeps no user from signing out', async (t) => {
  const { app, peer } = stage
  const { body: session } = await signInAtAcme(stage, acmeUser())
  const own = await startLogoutStage({ databaseUrl: app.config.databaseUrl ?? '' })
  t.teardown(own.stop)
  own.peer.fault('metadata', 'status:500')
  t.is((await logOut(session, { provider: true }, own)).status, 204)
  t.true(own.app.logs.some(({ event, code }) => event === 'provider.failed' && code === 'provider_error'))
  t.is((await app.get('/webhook', { authorization: `Bearer ${session.token}` })).status, 401)
  t.truthy(peer.issuer)
})

test.serial('without pages, the provider is asked to return to no page', async (t) => {
  const own = await startLogoutStage({ env: { AUTH_PAGES: 'false' } })
  t.teardown(own.stop)
  const { body: session } = await signInAtAcme(own, acmeUser())
  const url = new URL(String((await logOut(session, { provider: true }, own)).body.url))
  t.deepEqual([...url.searchParams.keys()], ['client_id'])
})
