import { SignJWT, UnsecuredJWT } from 'jose'
import type { Answer, SessionBody } from '../_app.ts'
import type { Cookies } from '../_cookies.ts'
import { clientSecret, createProviderKey, type OpenIdUser } from '../_openid-provider.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { events, logoutClaims, logoutOf, sendLogout, startLogoutStage } from './_logout.ts'
import { acmeUser, type OpenIdStage, signInAtAcme } from './_openid.ts'
import { refused } from './_sign-in.ts'

let stage: OpenIdStage
test.serial.before('start', async () => {
  stage = await startLogoutStage({ env: { AUTH_METRICS: 'true' } })
})
test.after.always('stop', () => stage?.stop())
test.serial.afterEach.always(() => {
  stage.peer.tamper({})
  stage.clock.ahead = 0
})

async function signIn(user: OpenIdUser, cookies?: Cookies): Promise<SessionBody> {
  const { status, text, body } = await signInAtAcme(stage, user, {}, cookies)
  if (status !== 200) throw new Error(text)
  return body
}

const isAlive = async ({ token }: SessionBody, { app }: Pick<OpenIdStage, 'app'> = stage): Promise<boolean> =>
  (await app.get('/webhook', { authorization: `Bearer ${token}` })).status === 200

const sessionOf = ({ token }: SessionBody): string =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).sid

async function sidOf(session: SessionBody): Promise<string> {
  const [row] = await stage.app.sql<{ provider_sid: string }>(
    'SELECT provider_sid FROM session WHERE id = $1',
    [sessionOf(session)],
  )
  return row?.provider_sid ?? ''
}

/** Requires a rejection for a reason that the provider can log. */
function rejected(t: ExecutionContext, answer: Answer, reason: RegExp): void {
  refused(t, answer, 400, 'invalid_logout_token')
  t.regex(String(answer.body.detail), reason)
  t.is(answer.headers.get('cache-control'), 'no-store')
}

test.serial('a sign-out at the provider ends the sessions of that browser there, and at once', async (t) => {
  const { app, peer } = stage
  const user = acmeUser()
  const [here, there]: [Cookies, Cookies] = [new Map(), new Map()]
  const ended = [await signIn(user, here), await signIn(user, here)]
  const [other, stranger] = [await signIn(user, there), await signIn(acmeUser())]
  const all = [...ended, other, stranger]
  t.deepEqual(await Promise.all(all.map((each) => isAlive(each))), [true, true, true, true])
  t.is(await peer.signOut(`${peer.issuer}/session/end`, here), `${peer.issuer}/session/end/success`)
  t.deepEqual(await Promise.all(all.map((each) => isAlive(each))), [false, false, true, true])
  const lines = app.logs.filter(({ event }) => event === 'session.ended_by_provider')
  t.deepEqual(
    lines.map(({ userId, sessionId, provider }) => ({ userId, sessionId, provider })).sort(),
    ended.map((each) => ({ userId: each.id, sessionId: sessionOf(each), provider: 'acme-corp' })).sort(),
  )
  t.regex((await app.get('/metrics')).text, /event="session\.ended_by_provider",code=""\} 2\n/)
  refused(t, await app.post('/token', { refreshToken: ended[0]?.refreshToken }), 401, 'invalid_token')
  const [row] = await app.sql('SELECT revoked_reason FROM session WHERE id = $1', [
    sessionOf(ended[0] as SessionBody),
  ])
  t.is(row?.revoked_reason, 'provider_logout')
})

test.serial('a logout of the user ends all sessions that began at the provider, and no others', async (t) => {
  const { app } = stage
  const user = acmeUser()
  const sessions = [await signIn(user), await signIn(user)]
  const byPassword = await app.signup(`pw-${user.preferred_username}`)
  const stranger = await signIn(acmeUser())
  t.is((await logoutOf(stage, { sub: user.sub })).status, 200)
  t.deepEqual(await Promise.all(sessions.map((each) => isAlive(each))), [false, false])
  t.true(await isAlive(byPassword))
  t.true(await isAlive(stranger))
})

test.serial('a session whose sid the provider did not tell ends with its user', async (t) => {
  const user = acmeUser()
  const [told, untold] = [await signIn(user), await signIn(user)]
  await stage.app.sql('UPDATE session SET provider_sid = NULL WHERE id = $1', [sessionOf(untold)])
  t.is((await logoutOf(stage, { sub: user.sub, sid: 'another' })).status, 200)
  t.true(await isAlive(told))
  t.false(await isAlive(untold))
})

test.serial('a sid alone, the types JWT and none, and further fields are accepted', async (t) => {
  const sessions = []
  for (const typ of ['JWT', undefined, 'application/logout+jwt']) {
    const session = await signIn(acmeUser())
    const claims = logoutClaims(stage, { sid: await sidOf(session) })
    const token = await stage.peer.sign(claims, { header: typ === undefined ? {} : { typ } })
    const answer = await sendLogout(stage.app, token, { state: 'x' })
    t.is(answer.status, 200, answer.text)
    t.is(answer.text, '')
    t.is(answer.headers.get('cache-control'), 'no-store')
    sessions.push(session)
  }
  t.deepEqual(await Promise.all(sessions.map((each) => isAlive(each))), [false, false, false])
})

test.serial('an invalid logout token is rejected, and ends nothing', async (t) => {
  const user = acmeUser()
  const session = await signIn(user)
  const claims = (more: Record<string, unknown>) =>
    logoutClaims(stage, { sub: user.sub, sid: undefined, ...more })
  const now = Math.floor(Date.now() / 1000)
  const event = Object.keys(events)[0] as string
  const wrong: [string, Record<string, unknown>, RegExp][] = [
    ['another client', { aud: 'another' }, /"aud"/],
    ['another issuer', { iss: 'https://other.example.com' }, /"iss"/],
    ['no audience', { aud: undefined }, /aud/],
    ['a nonce', { nonce: 'n' }, /nonce/],
    ['an empty nonce', { nonce: null }, /nonce/],
    ['no events', { events: undefined }, /events/],
    ['other events', { events: { 'http://schemas.openid.net/event/other': {} } }, /events/],
    ['an event that is no object', { events: { [event]: true } }, /events/],
    ['expired', { iat: now - 400, exp: now - 100 }, /"exp"/],
    ['no end', { exp: undefined }, /exp/],
    ['the future', { iat: now + 100, exp: now + 400 }, /iat/],
    ['no time', { iat: undefined }, /iat/],
    ['an end that is no time of the database', { exp: 8_640_000_000_000 }, /exp/],
    ['a time that is none of the database', { iat: -1e18 }, /iat/],
    ['no jti', { jti: undefined }, /jti/],
    ['nobody', { sub: undefined }, /sub and sid/],
    ['a subject that is no text', { sub: 5 }, /sub/],
    ['a NUL', { sub: 'a\0b' }, /sub/],
  ]
  for (const [name, more, reason] of wrong) {
    t.log(name)
    rejected(
      t,
      await logoutOf(stage, more.sub === undefined && 'sub' in more ? more : { sub: user.sub, ...more }),
      reason,
    )
  }
  const forged = await createProviderKey()
  const secret = new TextEncoder().encode(clientSecret)
  const tokens: [string, string | Promise<string>, RegExp][] = [
    ['another key', stage.peer.sign(claims({}), { key: forged }), /key/],
    [
      'another key under the same name',
      stage.peer.sign(claims({}), { key: { ...forged, kid: stage.peer.key.kid } }),
      /signature/,
    ],
    ['unsigned', new UnsecuredJWT(claims({})).encode(), /./],
    ['the client secret', new SignJWT(claims({})).setProtectedHeader({ alg: 'HS256' }).sign(secret), /alg/],
    ['another type', stage.peer.sign(claims({}), { header: { typ: 'at+jwt' } }), /type/],
    ['no token', 'x.y.z', /./],
    ['empty', '', /./],
  ]
  for (const [name, token, reason] of tokens) {
    t.log(name)
    rejected(t, await sendLogout(stage.app, await token), reason)
  }
  t.true(await isAlive(session))
  t.true(
    stage.app.logs.some(({ event, code }) => event === 'logout.refused' && code === 'invalid_logout_token'),
  )
})

test.serial('an ID token is no logout token', async (t) => {
  const user = acmeUser()
  let idToken = ''
  stage.peer.tamper({
    token: (answer) => {
      idToken = String(answer.id_token)
      return answer
    },
  })
  const session = await signIn(user)
  rejected(t, await sendLogout(stage.app, idToken), /nonce/)
  t.true(await isAlive(session))
})

test.serial('a logout token counts once, also of several at the same time', async (t) => {
  const user = acmeUser()
  await signIn(user)
  const token = await stage.peer.sign(logoutClaims(stage, { sub: user.sub }))
  const answers = await Promise.all(Array.from({ length: 8 }, () => sendLogout(stage.app, token)))
  t.deepEqual(answers.map(({ status }) => status).sort(), [200, ...Array(7).fill(400)])
  const next = await signIn(user)
  rejected(t, await sendLogout(stage.app, token), /used before/)
  t.true(await isAlive(next))
})

test.serial('a logout token ends no session that began a second later or after it', async (t) => {
  const user = acmeUser()
  const session = await signIn(user)
  const [row] = await stage.app.sql<{ created_at: Date }>('SELECT created_at FROM session WHERE id = $1', [
    sessionOf(session),
  ])
  const began = Math.floor(Number(row?.created_at) / 1000)
  rejected(t, await logoutOf(stage, { sub: user.sub, iat: began - 1 }), /began after/)
  rejected(t, await logoutOf(stage, { sid: await sidOf(session), iat: began - 1 }), /began after/)
  t.true(await isAlive(session))
  t.is((await logoutOf(stage, { sub: user.sub, iat: began })).status, 200)
  t.false(await isAlive(session))
})

test.serial('a logout of a user without sessions succeeds, as the specification says', async (t) => {
  t.is((await logoutOf(stage, { sub: 'unknown' })).status, 200)
  t.is((await logoutOf(stage, { sid: 'unknown' })).status, 200)
})

test.serial('a request that is no form with a logout token is rejected', async (t) => {
  const { app } = stage
  const post = (raw: string, type = 'application/x-www-form-urlencoded') =>
    app.call('POST', '/auth/acme-corp/backchannel-logout', { raw, headers: { 'Content-Type': type } })
  rejected(t, await post(''), /missing/)
  rejected(t, await post('logout_tokens=x'), /missing/)
  t.is((await post('logout_token=a&logout_token=b')).status, 400)
  t.is((await post('{"logout_token":"x"}', 'application/json')).status, 415)
  t.is((await post(`logout_token=${'x'.repeat(16_385)}`)).status, 413)
  t.is((await app.get('/auth/acme-corp/backchannel-logout')).status, 405)
  t.is((await app.post('/auth/github/backchannel-logout', {})).status, 404)
})

test.serial('a provider that is away makes the logout fail, which the provider may repeat', async (t) => {
  const own = await startLogoutStage()
  t.teardown(own.stop)
  const user = acmeUser()
  const { body } = await signInAtAcme(own, user)
  const claims = logoutClaims(own, { sub: user.sub })
  own.peer.rotate(await createProviderKey())
  const token = await own.peer.sign(claims)
  own.peer.fault('keys', 'status:500')
  rejected(t, await sendLogout(own.app, token), /keys of the provider cannot be read/)
  t.true(own.app.logs.some(({ event, provider }) => event === 'provider.failed' && provider === 'acme-corp'))
  t.true(await isAlive(body, own))
  own.peer.fault('keys', null)
  own.clock.ahead = 61_000
  const later = await own.peer.sign(logoutClaims(own, { sub: user.sub }))
  t.is((await sendLogout(own.app, later)).status, 200)
  t.false(await isAlive(body, own))
})

test.serial(
  'many rejected logout tokens of one address are limited, and accepted ones are not',
  async (t) => {
    const own = await startLogoutStage({ env: { AUTH_RATE_LIMIT: 'on', AUTH_REFRESH_ATTEMPTS: '3' } })
    t.teardown(own.stop)
    for (let round = 0; round < 5; round++) t.is((await logoutOf(own, { sub: `user-${round}` })).status, 200)
    for (let round = 0; round < 3; round++) rejected(t, await sendLogout(own.app, 'x'), /./)
    const limited = await sendLogout(own.app, 'x')
    refused(t, limited, 429, 'rate_limited')
    t.true(Number(limited.headers.get('retry-after')) > 0)
  },
)
