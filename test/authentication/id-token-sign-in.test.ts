import type { JWTPayload } from 'jose'
import type { Answer, SessionBody } from '../_app.ts'
import { clientId, createProviderKey, type OpenIdUser } from '../_openid-provider.ts'
import test from '../_test.ts'
import { acmeUser, type OpenIdStage, signInAtAcme, startOpenIdStage } from './_openid.ts'
import { refused } from './_sign-in.ts'

let stage: OpenIdStage
test.serial.before('start', async () => {
  stage = await startOpenIdStage({
    env: {
      AUTH_ACME_CORP_CLIENT_IDS: 'phone,tablet',
      AUTH_ACME_CORP_ROLES_CLAIM: 'groups',
      AUTH_ACME_CORP_ROLES: 'Staff=user-from-group',
    },
  })
  await stage.app.sql("INSERT INTO role (name) VALUES ('user-from-group')")
})
test.after.always('stop', () => stage?.stop())
test.serial.afterEach.always(() => {
  stage.peer.fault('keys', null)
  stage.clock.ahead = 0
})

let tokens = 0

/** Returns the claims of a new ID token that a native app has. */
function claimsOf(user: OpenIdUser, more: Record<string, unknown> = {}, { peer } = stage): JWTPayload {
  const iat = Math.floor(Date.now() / 1000)
  const claims = { iss: peer.issuer, aud: clientId, iat, exp: iat + 3600, jti: `token-${++tokens}`, ...user }
  return Object.fromEntries(Object.entries({ ...claims, ...more }).filter(([, value]) => value !== undefined))
}

const send = (
  idToken: string,
  more: Record<string, unknown> = {},
  { app } = stage,
): Promise<Answer<SessionBody>> => app.post('/token/id-token', { provider: 'acme-corp', idToken, ...more })

const signIn = async (user: OpenIdUser, more?: Record<string, unknown>, body?: Record<string, unknown>) =>
  send(await stage.peer.sign(claimsOf(user, more)), body)

test.serial(
  'an ID token of a native app signs in the user of the redirect, and creates new users',
  async (t) => {
    const user = acmeUser()
    const first = await signIn(user, { groups: ['Staff'], sid: 'sid-1' })
    t.is(first.status, 200, first.text)
    t.like(first.body, { username: user.preferred_username, emailVerified: true, level: 1 })
    t.deepEqual(first.body.roles, ['user', 'user-from-group'])
    const claims = JSON.parse(Buffer.from(first.body.token.split('.')[1] ?? '', 'base64url').toString())
    t.deepEqual(claims.amr, ['fed'])
    t.is((await signInAtAcme(stage, user)).body.id, first.body.id)
    const [row] = await stage.app.sql('SELECT provider, provider_sid FROM session WHERE id = $1', [
      claims.sid,
    ])
    t.deepEqual(row, { provider: 'acme-corp', provider_sid: 'sid-1' })
    t.true(
      stage.app.logs.some(
        ({ event, provider, userId }) =>
          event === 'login.ok' && provider === 'acme-corp' && userId === first.body.id,
      ),
    )
  },
)

test.serial('each client id of the deployment is accepted as aud and azp', async (t) => {
  for (const more of [
    { aud: 'phone' },
    { aud: clientId, azp: 'tablet' },
    { aud: ['another', 'phone'], azp: 'phone' },
  ])
    t.is((await signIn(acmeUser(), more)).status, 200)
})

test.serial('the nonce is in the token and in the body, or in neither', async (t) => {
  t.is((await signIn(acmeUser(), { nonce: 'n' }, { nonce: 'n' })).status, 200)
  for (const [inToken, inBody] of [
    ['n', undefined],
    [undefined, 'n'],
    ['n', 'm'],
    ['', undefined],
  ] as const)
    refused(
      t,
      await signIn(acmeUser(), { nonce: inToken }, inBody === undefined ? {} : { nonce: inBody }),
      401,
      'invalid_credentials',
    )
})

test.serial('an invalid ID token is rejected, and creates no user', async (t) => {
  const now = Math.floor(Date.now() / 1000)
  const wrong: Record<string, unknown>[] = [
    { aud: 'another' },
    { aud: undefined },
    { azp: 'another' },
    { aud: ['phone', 'another'] },
    { iss: 'https://other.example.com' },
    { iat: now - 660 },
    { iat: now + 120 },
    { iat: undefined },
    { exp: now - 60, iat: now - 300 },
    { exp: undefined },
    { sub: undefined },
  ]
  const user = acmeUser()
  for (const more of wrong) refused(t, await signIn(user, more), 401, 'invalid_credentials')
  const forged = { ...(await createProviderKey()), kid: stage.peer.key.kid }
  for (const idToken of [
    await stage.peer.sign(claimsOf(user), { key: forged }),
    await stage.peer.sign(claimsOf(user), { header: { typ: 'logout+jwt' } }),
    'x',
    '',
  ])
    refused(t, await send(idToken), 401, 'invalid_credentials')
  t.deepEqual(await stage.app.sql('SELECT 1 FROM identity WHERE subject = $1', [user.sub]), [])
  t.is((await signIn(user, { iat: now - 590 })).status, 200)
})

test.serial(
  'an ID token counts once, over all replicas, whatever the spelling of its signature',
  async (t) => {
    const replica = await startOpenIdStage({
      databaseUrl: stage.app.config.databaseUrl ?? '',
      env: { AUTH_ACME_CORP_ISSUER: stage.peer.issuer },
    })
    t.teardown(replica.stop)
    const idToken = await stage.peer.sign(claimsOf(acmeUser()))
    const answers = await Promise.all(
      [stage, replica, stage, replica].map((each) => send(idToken, {}, { ...stage, app: each.app })),
    )
    t.deepEqual(answers.map(({ status }) => status).sort(), [200, 401, 401, 401])
    refused(t, await send(idToken), 401, 'invalid_credentials')
    refused(t, await send(`${idToken}==`), 401, 'invalid_credentials')
  },
)

test.serial(
  'closed sign-up, deactivated users and known addresses end a sign-in as a redirect does',
  async (t) => {
    const own = await startOpenIdStage({ env: { AUTH_SIGNUP: 'false' } })
    t.teardown(own.stop)
    const idToken = await own.peer.sign(claimsOf(acmeUser(), {}, own))
    refused(t, await send(idToken, {}, own), 403, 'signup_disabled')
    const [user, other] = [acmeUser(), acmeUser()]
    const { body } = await signIn(user)
    refused(t, await signIn({ ...other, email: user.email }), 409, 'link_required')
    await stage.app.sql('UPDATE "user" SET active = false WHERE id = $1', [body.id])
    refused(t, await signIn(user), 403, 'user_inactive')
  },
)

test.serial('a provider without ID tokens is unknown, and members are checked', async (t) => {
  for (const provider of ['github', 'local', 'constructor', ''])
    refused(t, await send('x', { provider }), 404, 'not_found')
  refused(t, await send('x', { nonce: 5 }), 422, 'validation_failed')
  refused(t, await send('x', { accessToken: 'x' }), 422, 'validation_failed')
})

test.serial('a provider that is away is no wrong token', async (t) => {
  const own = await startOpenIdStage()
  t.teardown(own.stop)
  own.peer.fault('keys', 'status:500')
  const idToken = await own.peer.sign(claimsOf(acmeUser(), {}, own))
  refused(t, await send(idToken, {}, own), 502, 'provider_error')
  t.true(own.app.logs.some(({ event }) => event === 'provider.failed'))
  own.peer.fault('keys', 'no-id')
  refused(t, await send(idToken, {}, own), 502, 'provider_error')
  own.peer.fault('keys', null)
  t.is((await send(idToken, {}, own)).status, 200)
})

test.serial('the requests of one address are limited', async (t) => {
  const own = await startOpenIdStage({ env: { AUTH_RATE_LIMIT: 'on', AUTH_CALLBACK_ATTEMPTS: '2' } })
  t.teardown(own.stop)
  for (let round = 0; round < 2; round++) t.is((await send('x', {}, own)).status, 401)
  refused(t, await send('x', {}, own), 429, 'rate_limited')
})

test.serial('Google, whose sign-in is a strategy, takes ID tokens too', async (t) => {
  const own = await startOpenIdStage({
    env: {
      AUTH_GOOGLE_CLIENT_ID: 'web',
      AUTH_GOOGLE_CLIENT_SECRET: 'a secret of the client',
      AUTH_GOOGLE_CLIENT_IDS: 'ios android',
    },
  })
  t.teardown(own.stop)
  t.is(own.app.config.providers.get('google')?.clientIds?.length, 2)
  const google = await startOpenIdStage({
    env: {
      AUTH_GOOGLE_CLIENT_ID: 'web',
      AUTH_GOOGLE_CLIENT_SECRET: 'a secret of the client',
      AUTH_GOOGLE_CLIENT_IDS: 'ios android',
      AUTH_GOOGLE_ISSUER: own.peer.issuer,
    },
  })
  t.teardown(google.stop)
  const user = acmeUser()
  const idToken = await own.peer.sign(claimsOf(user, { aud: 'web', azp: 'android' }, own))
  const answer = await send(idToken, { provider: 'google' }, google)
  t.is(answer.status, 200, answer.text)
  t.like(answer.body, { emailVerified: true })
  const unproven = acmeUser({ email_verified: 'true' })
  const second = await own.peer.sign(claimsOf(unproven, { aud: 'ios' }, own))
  t.is((await send(second, { provider: 'google' }, google)).body.emailVerified, false)
})
