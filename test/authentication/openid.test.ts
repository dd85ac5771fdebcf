import { clientId, clientSecret } from '../_openid-provider.ts'
import test from '../_test.ts'
import {
  acmeUser,
  type OpenIdStage,
  openIdCallback,
  signInAtAcme,
  startAtAcme,
  startOpenIdStage,
} from './_openid.ts'
import { exchange, home, openBrowser, refused, sentHome } from './_sign-in.ts'

let stage: OpenIdStage
test.serial.before('start', async () => {
  stage = await startOpenIdStage({
    env: { AUTH_ACME_CORP_PARAMETERS: 'hd=example.com&prompt=consent&login_hint=nobody' },
  })
})
test.after.always('stop', () => stage?.stop())
test.serial.afterEach.always(() => stage.peer.tamper({}))

/** Returns the requests of the gateway to an endpoint of the provider. */
const asked = ({ peer }: OpenIdStage, endpoint: string) =>
  peer.requests.filter((request) => request.endpoint === endpoint)

test.serial(
  'three variables make an OpenID provider, with route, button and entry in the list',
  async (t) => {
    const { app } = stage
    const user = acmeUser()
    const first = await signInAtAcme(stage, user)
    t.is(first.status, 200, first.text)
    t.like(first.body, { username: user.preferred_username, emailVerified: true, roles: ['user'] })
    t.is((await signInAtAcme(stage, user)).body.id, first.body.id)
    const providers = await app.get('/providers')
    t.like((providers.body as unknown as object[])[1], {
      name: 'acme-corp',
      label: 'Acme Corp',
      url: 'https://gateway.test/auth/acme-corp',
    })
    t.regex((await app.get('/signin', { accept: 'text/html' })).text, /Acme Corp/)
    const { paths } = (await app.get<{ paths: object }>('/openapi.json')).body
    t.true(Object.hasOwn(paths, '/auth/acme-corp') && Object.hasOwn(paths, '/auth/acme-corp/callback'))
  },
)

test.serial('a sign-in for an app ends there with a code, which the app exchanges', async (t) => {
  const query = sentHome(t, await signInAtAcme(stage, acmeUser(), { redirect_to: home }))
  const { status, body } = await exchange(stage.app, query.get('code') ?? '')
  t.is(status, 200)
  t.deepEqual(body.roles, ['user'])
})

test.serial(
  'the authorization request has PKCE, a nonce, the public URL and the parameters of the environment',
  async (t) => {
    const requests = await Promise.all(
      [1, 2].map(async () => new URL(await startAtAcme(openBrowser(stage.app)))),
    )
    const [first, second] = requests.map(({ searchParams }) => searchParams)
    t.is(first?.get('client_id'), clientId)
    t.is(first?.get('response_type'), 'code')
    t.is(first?.get('redirect_uri'), openIdCallback)
    t.is(first?.get('scope'), 'openid profile email')
    t.is(first?.get('hd'), 'example.com')
    t.is(first?.get('prompt'), 'consent')
    t.is(first?.get('code_challenge_method'), 'S256')
    for (const name of ['state', 'nonce', 'code_challenge']) {
      t.regex(first?.get(name) ?? '', /^[\w-]{43}$/)
      t.not(first?.get(name), second?.get(name))
    }
  },
)

test.serial(
  'login_hint and prompt of a sign-in go to the provider, in the place of the configured ones',
  async (t) => {
    const query = { login_hint: 'ada@example.com', prompt: 'login select_account' }
    const { searchParams } = new URL(await startAtAcme(openBrowser(stage.app), query))
    t.is(searchParams.get('login_hint'), 'ada@example.com')
    t.is(searchParams.get('prompt'), 'login select_account')
    const bad = ['', 'none login', 'login  consent', 'LOGIN', 'x', 'login,consent'].map((prompt) => ({
      prompt,
    }))
    for (const query of [
      ...bad,
      { login_hint: '' },
      { login_hint: 'x'.repeat(321) },
      { login_hint: 'a\0b' },
    ]) {
      const answer = await stage.app.get(`/auth/acme-corp?${new URLSearchParams(query)}`)
      refused(t, answer, 422, 'validation_failed')
    }
  },
)

test.serial('the code is redeemed with the verifier, by the secret in the body', async (t) => {
  await signInAtAcme(stage, acmeUser())
  const form = new URLSearchParams(asked(stage, 'token').at(-1)?.body)
  t.is(form.get('client_secret'), clientSecret)
  t.is(form.get('redirect_uri'), openIdCallback)
  t.regex(form.get('code_verifier') ?? '', /^[\w-]{43}$/)
})

test.serial(
  'metadata and keys are requested once for many sign-ins, and a parallel start shares the request',
  async (t) => {
    const own = await startOpenIdStage()
    t.teardown(own.stop)
    t.deepEqual(own.peer.requests, [])
    await Promise.all([1, 2, 3].map(() => startAtAcme(openBrowser(own.app))))
    t.is(asked(own, 'metadata').length, 1)
    for (let round = 0; round < 3; round++) t.is((await signInAtAcme(own, acmeUser())).status, 200)
    t.is(asked(own, 'metadata').length, 1)
    t.is(asked(own, 'keys').length, 1)
    own.clock.ahead = 3_600_000
    await startAtAcme(openBrowser(own.app))
    t.is(asked(own, 'metadata').length, 2)
  },
)

test.serial(
  'known metadata stays when its request fails, and is requested again a minute later',
  async (t) => {
    const own = await startOpenIdStage()
    t.teardown(own.stop)
    await startAtAcme(openBrowser(own.app))
    own.clock.ahead = 3_600_000
    own.peer.fault('metadata', 'status:503')
    for (let round = 0; round < 3; round++) await startAtAcme(openBrowser(own.app))
    t.is(asked(own, 'metadata').length, 2)
    own.clock.ahead += 60_000
    own.peer.fault('metadata', null)
    await startAtAcme(openBrowser(own.app))
    t.is(asked(own, 'metadata').length, 3)
  },
)

test.serial(
  'userinfo is requested only for an address that the ID token lacks, and must have the same subject',
  async (t) => {
    const user = acmeUser()
    t.is((await signInAtAcme(stage, user)).body.emailVerified, true)
    const before = asked(stage, 'profile').length
    stage.peer.tamper({
      idToken: (claims, sign) => sign({ ...claims, email: 'in@token.test', email_verified: true }),
    })
    const inToken = await signInAtAcme(stage, acmeUser())
    t.is(asked(stage, 'profile').length, before)
    const [row] = await stage.app.sql('SELECT email FROM "user" WHERE id = $1', [inToken.body.id])
    t.deepEqual(row, { email: 'in@token.test' })
    for (const profile of [
      (claims: object) => ({ ...claims, sub: 'another' }),
      ({ sub: _, ...claims }: Record<string, unknown>) => claims,
      () => null,
      () => [],
    ]) {
      stage.peer.tamper({ profile })
      refused(t, await signInAtAcme(stage, acmeUser()), 502, 'provider_error')
    }
  },
)

test.serial(
  'an address is proven by email_verified as the boolean true alone, from the source of the address',
  async (t) => {
    for (const value of [false, 'true', 'yes', 1, {}, null, undefined]) {
      const { status, body } = await signInAtAcme(stage, acmeUser({ email_verified: value }))
      t.is(status, 200)
      t.false(body.emailVerified, String(value))
    }
    stage.peer.tamper({ idToken: (claims, sign) => sign({ ...claims, email_verified: true }) })
    t.false((await signInAtAcme(stage, acmeUser({ email_verified: false }))).body.emailVerified)
    stage.peer.tamper({ idToken: (claims, sign) => sign({ ...claims, email: 'mine@token.test' }) })
    t.false((await signInAtAcme(stage, acmeUser())).body.emailVerified)
  },
)

test.serial('names and addresses of other types and characters do not stop a sign-in', async (t) => {
  for (const more of [
    { preferred_username: 7, email: 7 },
    { preferred_username: '', email: '' },
    { preferred_username: 'a\0b', email: 'no address' },
    { preferred_username: null, email: null },
  ])
    t.is((await signInAtAcme(stage, acmeUser(more))).status, 200, JSON.stringify(more))
})

test.serial(
  'a user who declines at the provider gets provider_denied, and so does a code that the provider rejects',
  async (t) => {
    stage.peer.tamper({
      callback: (query) => {
        query.delete('code')
        query.set('error', 'access_denied')
      },
    })
    t.is(
      sentHome(t, await signInAtAcme(stage, acmeUser(), { redirect_to: home })).get('error'),
      'provider_denied',
    )
    stage.peer.tamper({ callback: (query) => query.set('code', 'x'.repeat(8192)) })
    const answer = await signInAtAcme(stage, acmeUser(), { redirect_to: home })
    t.is(sentHome(t, answer).get('error'), 'provider_denied')
  },
)

test.serial('the callback must have the iss that the metadata promises, and no other', async (t) => {
  for (const change of [
    (query: URLSearchParams) => query.delete('iss'),
    (query: URLSearchParams) => query.set('iss', 'https://other.test'),
    (query: URLSearchParams) => query.set('iss', `${stage.peer.issuer}/`),
    (query: URLSearchParams) => query.append('iss', 'https://other.test'),
  ]) {
    stage.peer.tamper({ callback: change })
    const before = asked(stage, 'token').length
    refused(t, await signInAtAcme(stage, acmeUser()), 403, 'invalid_state')
    const atHome = await signInAtAcme(stage, acmeUser(), { redirect_to: home })
    t.is(sentHome(t, atHome).get('error'), 'invalid_state')
    t.is(asked(stage, 'token').length, before)
  }
})

test.serial('the callback may lack iss when the metadata does not promise it', async (t) => {
  const own = await startOpenIdStage()
  t.teardown(own.stop)
  own.peer.tamper({
    metadata: ({ authorization_response_iss_parameter_supported: _, ...others }) => others,
    callback: (query) => query.delete('iss'),
  })
  t.is((await signInAtAcme(own, acmeUser())).status, 200)
})

test.serial('two sign-ins in one browser at once each end with their own user', async (t) => {
  const browser = openBrowser(stage.app)
  const users = [acmeUser(), acmeUser()]
  const callbacks: string[] = []
  const starts = [await startAtAcme(browser), await startAtAcme(browser)]
  for (const [at, user] of users.entries()) {
    stage.peer.signInAs(user)
    callbacks.push(await stage.peer.authorize(starts[at] ?? ''))
  }
  for (const at of [1, 0]) {
    const { status, body } = await browser.visit(callbacks[at] ?? '')
    t.is(status, 200)
    t.is(body.username, users[at]?.preferred_username as string)
  }
})

test.serial('a callback of another browser, and a second one, sign nobody in', async (t) => {
  stage.peer.signInAs(acmeUser())
  const browser = openBrowser(stage.app)
  const callback = await stage.peer.authorize(await startAtAcme(browser))
  refused(t, await openBrowser(stage.app).visit(callback), 403, 'invalid_state')
  t.is((await browser.visit(callback)).status, 200)
  refused(t, await browser.visit(callback), 403, 'invalid_state')
})

test.serial('a signed-in user links and unlinks the provider', async (t) => {
  const session = await stage.app.signup('linking')
  const answer = await stage.app.as(session).call<{ url: string }>('POST', '/user/identities/acme-corp', {
    body: {},
  })
  t.is(answer.status, 200, answer.text)
  stage.peer.signInAs(acmeUser())
  const cookie = answer.headers.getSetCookie().map((line) => line.split(';')[0])
  const { pathname, search } = new URL(await stage.peer.authorize(answer.body.url))
  const linked = await stage.app.get(pathname + search, { cookie: cookie.join('; ') })
  t.deepEqual(linked.body, { linked: 'acme-corp' })
  t.is((await stage.app.as(session).call('DELETE', '/user/identities/acme-corp')).status, 204)
})

test.serial('a public client has no secret, and PKCE', async (t) => {
  const own = await startOpenIdStage({
    client: { client_secret: undefined, token_endpoint_auth_method: 'none' },
    env: { AUTH_ACME_CORP_CLIENT_SECRET: '', AUTH_ACME_CORP_LABEL: 'Acme & Sons' },
  })
  t.teardown(own.stop)
  const answer = await signInAtAcme(own, acmeUser())
  t.is(answer.status, 200, answer.text)
  const form = new URLSearchParams(asked(own, 'token').at(-1)?.body)
  t.is(form.get('client_secret'), null)
  t.is(form.get('client_id'), clientId)
  t.regex((await own.app.get('/signin', { accept: 'text/html' })).text, /Acme &amp; Sons/)
})

test.serial('a provider that knows Basic alone gets the secret in the header', async (t) => {
  const own = await startOpenIdStage({
    client: { token_endpoint_auth_method: 'client_secret_basic' },
    more: { clientAuthMethods: ['client_secret_basic'] },
  })
  t.teardown(own.stop)
  t.is((await signInAtAcme(own, acmeUser())).status, 200)
  const [request] = asked(own, 'token')
  t.regex(request?.headers.authorization ?? '', /^Basic /)
  t.is(new URLSearchParams(request?.body).get('client_secret'), null)
})

test.serial(
  'metadata of another issuer, or without an endpoint, is a provider_error at the start of a sign-in',
  async (t) => {
    for (const change of [
      { issuer: 'https://other.test' },
      { issuer: undefined },
      { issuer: `${stage.peer.issuer}/` },
      { authorization_endpoint: undefined },
      { authorization_endpoint: 'javascript:alert(1)' },
      { token_endpoint: 'file:///etc/passwd' },
      { jwks_uri: undefined },
    ]) {
      const own = await startOpenIdStage()
      own.peer.tamper({ metadata: (metadata) => ({ ...metadata, ...change }) })
      const browser = openBrowser(own.app)
      refused(t, await browser.visit('/auth/acme-corp'), 502, 'provider_error')
      t.is(browser.cookies.size, 0)
      const query = new URLSearchParams({ redirect_to: home })
      t.is(sentHome(t, await browser.visit(`/auth/acme-corp?${query}`)).get('error'), 'provider_error')
      own.peer.tamper({})
      t.is((await signInAtAcme(own, acmeUser())).status, 200)
      await own.stop()
    }
  },
)

test.serial('the gateway takes every address from the public URL, also behind another Host', async (t) => {
  const answer = await stage.app.get('/auth/acme-corp', {
    origin: 'https://evil.test',
    'x-forwarded-host': 'evil.test',
  })
  t.is(new URL(answer.headers.get('location') ?? '').searchParams.get('redirect_uri'), openIdCallback)
})

test.serial('metrics and log name the provider and the kind of each request', async (t) => {
  const own = await startOpenIdStage({ env: { AUTH_METRICS: 'true' } })
  t.teardown(own.stop)
  t.is((await signInAtAcme(own, acmeUser())).status, 200)
  const { text } = await own.app.get('/metrics')
  for (const request of ['metadata', 'keys', 'token', 'profile'])
    t.true(text.includes(`provider="acme-corp",request="${request}",outcome="ok"`), request)
  t.true(text.includes('claimgate_logins_total{provider="acme-corp",outcome="ok"} 1'))
  t.like(
    own.app.logs.find(({ event }) => event === 'login.ok'),
    { provider: 'acme-corp' },
  )
})
