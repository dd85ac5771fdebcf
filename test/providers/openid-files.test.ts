import { generateKeyPairSync } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader, generateKeyPair, importSPKI, jwtVerify, SignJWT } from 'jose'
import { type Answer, type SessionBody, startApp, type TestApp } from '../_app.ts'
import test from '../_test.ts'
import { events, sendLogout } from '../authentication/_logout.ts'
import { type Browser, openBrowser, refused } from '../authentication/_sign-in.ts'
import { createNetwork, type Network, type Recorded } from './_issuers.ts'
import { oneTenant, recorded } from './_recorded.ts'

type Name = keyof typeof recorded

const names = Object.keys(recorded) as Name[]
const apple = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const pem = apple.privateKey.export({ format: 'pem', type: 'pkcs8' }) as string
const oneTenantEnv = { AUTH_MICROSOFT_ISSUER: oneTenant.issuer }

const keys = await generateKeyPair('RS256', { extractable: true })
let network: Network
let app: TestApp
let inTenant: TestApp

const environment = {
  ...Object.fromEntries(
    names.flatMap((name) => [
      [`AUTH_${name.toUpperCase()}_CLIENT_ID`, 'the-client'],
      ...(name === 'apple' ? [] : [[`AUTH_${name.toUpperCase()}_CLIENT_SECRET`, 'the secret &=+%/']]),
    ]),
  ),
  AUTH_APPLE_TEAM_ID: 'TEAM012345',
  AUTH_APPLE_KEY_ID: 'KEY0123456',
  AUTH_APPLE_PRIVATE_KEY: Buffer.from(pem).toString('base64'),
}

test.serial.before('start', async () => {
  network = await createNetwork(keys)
  const options = { fetch: network.fetch, now: () => new Date() }
  app = await startApp({ ...options, env: environment })
  inTenant = await startApp({ ...options, env: { ...environment, ...oneTenantEnv } })
})
test.after.always('stop', async () => {
  await app?.close()
  await inTenant?.close()
})

/** Starts a sign-in, and returns the authorization request. */
async function start(browser: Browser, name: Name, given: Recorded): Promise<URL> {
  network.grant(given, new URLSearchParams())
  const { status, headers, text } = await browser.visit(`/auth/${name}`)
  if (status !== 302) throw new Error(`${name}: ${status} ${text}`)
  const location = new URL(headers.get('location') ?? '')
  network.grant(given, location.searchParams)
  return location
}

/** Signs in, and returns the authorization request, the answer, and the request to the token endpoint. */
async function signIn(name: Name, given: Recorded, at = app) {
  const browser = openBrowser(at)
  const location = await start(browser, name, given)
  const state = location.searchParams.get('state') ?? ''
  const answer: Answer<SessionBody> = await browser.visit(
    `/auth/${name}/callback?${new URLSearchParams({ code: 'the-code', state })}`,
  )
  return { location, answer, request: network.tokenRequests.at(-1) }
}

const withClaims = (given: Recorded, claims: object): Recorded => ({
  ...given,
  claims: { ...given.claims, ...claims },
})

for (const name of names) {
  const given: Recorded = recorded[name]

  test.serial(`${name}: a sign-in with the documented answers identifies the user by sub`, async (t) => {
    const { location, answer } = await signIn(name, given)
    t.is(location.origin + location.pathname, given.metadata.authorization_endpoint as string)
    t.is(answer.status, 200, answer.text)
    t.deepEqual(
      await app.sql('SELECT subject, email, email_verified FROM identity WHERE user_id = $1', [
        answer.body.id,
      ]),
      [
        {
          subject: given.claims.sub,
          email: given.claims.email,
          email_verified: name !== 'microsoft',
        },
      ],
    )
    const again = await signIn(name, given)
    t.is(again.answer.body.id, answer.body.id)
  })

  test.serial(`${name}: a token of another issuer, or without a subject, signs no user in`, async (t) => {
    for (const claims of [
      { iss: 'https://evil.example.com' },
      { iss: `${given.claims.iss}/` },
      { sub: '' },
      { sub: undefined },
      { sub: 'undefined' },
      { aud: 'another-client' },
      { nonce: 'of another sign-in' },
    ])
      refused(t, (await signIn(name, withClaims(given, claims))).answer, 502, 'provider_error')
  })

  test.serial(`${name}: an address is verified only by its own claim`, async (t) => {
    const claims = { email_verified: false, sub: `unverified-${name}`, email: `no-${name}@example.com` }
    const { answer } = await signIn(name, withClaims(given, claims))
    t.is(answer.status, 200, answer.text)
    t.false(answer.body.emailVerified)
    const text = await signIn(
      name,
      withClaims(given, { email_verified: 'true', sub: `text-${name}`, email: `text-${name}@example.com` }),
    )
    const [row] = await app.sql<{ email_verified: boolean }>(
      'SELECT email_verified FROM identity WHERE user_id = $1',
      [text.answer.body.id],
    )
    t.is(row?.email_verified, name === 'apple')
  })

  test.serial(`${name}: a sign-in without an address works`, async (t) => {
    const claims = { email: undefined, email_verified: undefined, sub: `no-address-${name}` }
    const metadata = { ...given.metadata, userinfo_endpoint: undefined }
    const { answer } = await signIn(name, withClaims({ ...given, metadata }, claims), inTenantless(name))
    t.is(answer.status, 200, answer.text)
  })
}

/** Returns the gateway that has not yet read the metadata of a provider. */
function inTenantless(name: Name): TestApp {
  return name === 'microsoft' ? app : inTenant
}

for (const [name, hasPkce, hasNonce] of [
  ['apple', true, true],
  ['gitlab', true, true],
  ['linkedin', false, false],
  ['microsoft', true, true],
  ['slack', false, true],
  ['twitch', true, true],
] as const)
  test.serial(`${name}: PKCE and nonce are part of the requests as far as ${name} takes them`, async (t) => {
    const { location, request } = await signIn(name, recorded[name])
    t.is(location.searchParams.has('code_challenge'), hasPkce)
    t.is(request?.form.has('code_verifier'), hasPkce)
    t.is(location.searchParams.has('nonce'), hasNonce)
    t.is(location.searchParams.get('scope')?.split(' ').includes('openid'), true)
    const isBasic = name === 'linkedin'
    t.is(request?.authorization === null, !isBasic)
    if (name !== 'apple' && !isBasic) t.is(request?.form.get('client_secret'), 'the secret &=+%/')
  })

test.serial('twitch: the claims parameter asks for the address and its proof', async (t) => {
  const { location, answer } = await signIn('twitch', recorded.twitch)
  t.deepEqual(JSON.parse(location.searchParams.get('claims') ?? ''), {
    id_token: { email: null, email_verified: null, preferred_username: null },
  })
  t.is(answer.body.username, 'a_twitch_user')
})

test.serial('microsoft: a token must be of the tenant that it names', async (t) => {
  const other = 'aaaaaaaa-0000-4000-8000-000000000000'
  for (const claims of [
    { tid: other },
    { tid: undefined },
    { tid: 'common' },
    { tid: '{tenantid}', iss: recorded.microsoft.metadata.issuer },
    { iss: 'https://login.microsoftonline.com/common/v2.0' },
  ])
    refused(
      t,
      (await signIn('microsoft', withClaims(recorded.microsoft, claims))).answer,
      502,
      'provider_error',
    )
  const good = {
    tid: other,
    iss: `https://login.microsoftonline.com/${other}/v2.0`,
    sub: 'of another tenant',
  }
  t.is((await signIn('microsoft', withClaims(recorded.microsoft, good))).answer.status, 200)
})

test.serial('microsoft: the address is verified when the tenant owns its domain', async (t) => {
  for (const [xms_edov, isVerified] of [
    [true, true],
    ['true', false],
    [false, false],
  ] as const) {
    const claims = {
      xms_edov,
      sub: `edov-${xms_edov}-${isVerified}`,
      email: `${xms_edov}${isVerified}@example.com`,
    }
    const { answer } = await signIn('microsoft', withClaims(recorded.microsoft, claims))
    t.is(answer.body.emailVerified, isVerified, answer.text)
  }
})

test.serial('microsoft: with the issuer of one tenant, users of another are refused', async (t) => {
  t.is((await signIn('microsoft', oneTenant, inTenant)).answer.status, 200)
  const other = 'aaaaaaaa-0000-4000-8000-000000000000'
  const claims = { tid: other, iss: `https://login.microsoftonline.com/${other}/v2.0` }
  refused(
    t,
    (await signIn('microsoft', withClaims(oneTenant, claims), inTenant)).answer,
    502,
    'provider_error',
  )
})

test.serial('microsoft: roles by groups require the issuer of one tenant', async (t) => {
  const env = { ...environment, AUTH_MICROSOFT_ROLES_CLAIM: 'groups' }
  await t.throwsAsync(startApp({ fetch: network.fetch, env }), {
    message: /AUTH_MICROSOFT_ROLES_CLAIM requires AUTH_MICROSOFT_ISSUER to be the issuer of one tenant/,
  })
  const started = await startApp({ fetch: network.fetch, env: { ...env, ...oneTenantEnv } })
  await started.close()
  t.pass()
})

test.serial('microsoft: a user without groups signs in, and userinfo is not requested', async (t) => {
  const env = { ...environment, ...oneTenantEnv, AUTH_MICROSOFT_ROLES_CLAIM: 'groups' }
  const own = await startApp({ fetch: network.fetch, now: () => new Date(), env })
  t.teardown(own.close)
  const { answer } = await signIn('microsoft', withClaims(oneTenant, { groups: undefined }), own)
  t.is(answer.status, 200, answer.text)
})

test.serial('microsoft: a key of one tenant signs no token of another', async (t) => {
  const foreign = 'https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0'
  const own = await startApp({ fetch: network.fetch, now: () => new Date(), env: environment })
  t.teardown(own.close)
  const given = { ...recorded.microsoft, key: { issuer: foreign } }
  refused(t, (await signIn('microsoft', given, own)).answer, 502, 'provider_error')
  for (const [key, status] of [
    [given.key, 400],
    [recorded.microsoft.key, 200],
  ] as const) {
    const at = await startApp({ fetch: network.fetch, now: () => new Date(), env: environment })
    t.teardown(at.close)
    network.grant({ ...recorded.microsoft, key }, new URLSearchParams())
    const { iss, sub, tid } = recorded.microsoft.claims
    const token = await new SignJWT({ iss, sub, tid, events, aud: 'the-client', jti: 'logout' })
      .setProtectedHeader({ alg: 'RS256', kid: 'key-1', typ: 'logout+jwt' })
      .setIssuedAt()
      .setExpirationTime('2 min')
      .sign(keys.privateKey)
    t.is((await sendLogout(at, token, {}, 'microsoft')).status, status)
  }
})

test.serial('apple: the client secret is a JWT of the key, new for each request', async (t) => {
  const { request } = await signIn('apple', recorded.apple)
  const secret = request?.form.get('client_secret') ?? ''
  t.is(decodeProtectedHeader(secret).kid, 'KEY0123456')
  const publicPem = apple.publicKey.export({ format: 'pem', type: 'spki' }) as string
  const { payload, protectedHeader } = await jwtVerify(secret, await importSPKI(publicPem, 'ES256'), {
    issuer: 'TEAM012345',
    subject: 'the-client',
    audience: 'https://appleid.apple.com',
  })
  t.is(protectedHeader.alg, 'ES256')
  t.true((payload.exp ?? 0) - (payload.iat ?? 0) <= 15_777_000)
  t.is(request?.form.get('client_id'), 'the-client')
  const later = await startApp({
    fetch: network.fetch,
    now: () => new Date(Date.now() + 20_000),
    env: environment,
  })
  t.teardown(later.close)
  await signIn('apple', recorded.apple, later)
  const next = decodeJwt(network.tokenRequests.at(-1)?.form.get('client_secret') ?? '')
  t.true((next.iat ?? 0) >= (payload.iat ?? 0) + 20)
})

/** Posts an answer of Apple to the callback, as the page of Apple does. */
function post(fields: Record<string, string> | string, headers = {}) {
  return app.call('POST', '/auth/apple/callback', {
    raw: typeof fields === 'string' ? fields : String(new URLSearchParams(fields)),
    headers: {
      'Content-Type': 'application/x-www-form-urlencoded',
      Origin: 'https://appleid.apple.com',
      'Sec-Fetch-Site': 'cross-site',
      ...headers,
    },
  })
}

test.serial('apple: the posted answer goes to the callback with GET, which has the cookie', async (t) => {
  const browser = openBrowser(app)
  const location = await start(browser, 'apple', recorded.apple)
  t.is(location.searchParams.get('response_mode'), 'form_post')
  const state = location.searchParams.get('state') ?? ''
  const user = '{"name":{"firstName":"A","lastName":"User"},"email":"user@example.com"}'
  const posted = await post({ state, code: 'the-code', id_token: 'not.read.here', user })
  t.is(posted.status, 303, posted.text)
  const target = new URL(posted.headers.get('location') ?? '')
  t.is(target.origin + target.pathname, 'https://gateway.test/auth/apple/callback')
  t.deepEqual([...target.searchParams.keys()].sort(), ['code', 'state'])
  t.is(posted.headers.get('access-control-allow-origin'), null)
  t.is(posted.headers.get('set-cookie'), null)
  t.is((await browser.visit(target.href)).status, 200)
  refused(t, await browser.visit(target.href), 403, 'invalid_state')
})

test.serial('apple: a cancelled sign-in ends in provider_denied', async (t) => {
  const browser = openBrowser(app)
  const location = await start(browser, 'apple', recorded.apple)
  const state = location.searchParams.get('state') ?? ''
  const posted = await post({ state, error: 'user_cancelled_authorize' })
  refused(t, await browser.visit(posted.headers.get('location') ?? ''), 401, 'provider_denied')
})

test.serial('apple: a posted answer of another form is refused', async (t) => {
  refused(t, await post({ code: 'x' }), 403, 'invalid_state')
  refused(t, await post({ state: 's'.repeat(8193), code: 'x' }), 403, 'invalid_state')
  refused(t, await post({ state: 's'.repeat(8000), code: '%'.repeat(8000) }), 414, 'query_too_long')
  refused(t, await post('state=a&state=b&code=x'), 400, 'malformed_request')
  refused(t, await post({ state: 'a', code: 'x', user: 'u'.repeat(33_000) }), 413, 'body_too_large')
  refused(
    t,
    await post('{"state":"a"}', { 'Content-Type': 'application/json' }),
    415,
    'unsupported_media_type',
  )
  const page = await post({ code: 'x' }, { Accept: 'text/html' })
  t.is(page.status, 302)
  t.is(page.headers.get('location'), 'https://gateway.test/signin?error=invalid_state')
})

test.serial('apple: posted answers count for the limit of callbacks', async (t) => {
  const limited = await startApp({
    fetch: network.fetch,
    env: { ...environment, AUTH_RATE_LIMIT: 'on', AUTH_CALLBACK_ATTEMPTS: '2' },
  })
  t.teardown(limited.close)
  const call = () =>
    limited.call('POST', '/auth/apple/callback', {
      raw: 'state=a&code=b',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    })
  t.deepEqual([(await call()).status, (await call()).status, (await call()).status], [303, 303, 429])
})

test.serial('only a provider that posts its answer has a POST route', async (t) => {
  const answer = await app.call('POST', '/auth/gitlab/callback', { raw: 'state=a&code=b' })
  t.is(answer.status, 405)
})
