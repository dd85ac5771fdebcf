import { generateKeyPairSync } from 'node:crypto'
import { deactivate } from './_grant.ts'
import test from './_test.ts'
import {
  exchange,
  githubber,
  home,
  openBrowser,
  proven,
  refused,
  type Stage,
  sentHome,
  signIn,
  signInForCode,
  startStage,
} from './authentication/_sign-in.ts'
import { forge, open } from './http/_forge.ts'

// One test for each published vulnerability of a similar project.

const password = 'correct horse'
const env = { AUTH_TRUSTED_PROXIES: '1', AUTH_RATE_LIMIT: 'on', AUTH_LOGIN_FAILURES: '3' }

let stage: Stage
test.serial.before('start', async () => {
  stage = await startStage({ env })
})
test.after.always('stop', () => stage?.stop())

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` })

test('CVE-2026-41574: a provider sign-in with the e-mail of another user does not sign in as that user', async (t) => {
  const { app } = stage
  const body = { username: 'victim', password, confirmPassword: password, email: 'victim@mail.test' }
  const { body: victim } = await app.post<{ id: string }>('/signup', body)
  const unproven = await signIn(stage, 'github', githubber('attacker-1', proven('victim@mail.test')))
  t.is(unproven.status, 200)
  t.not(unproven.body.id, victim.id)
  await app.sql('UPDATE "user" SET email = NULL, email_verified = false WHERE id = $1', [unproven.body.id])
  await app.sql('UPDATE "user" SET email_verified = true WHERE id = $1', [victim.id])
  const taken = await signIn(stage, 'github', githubber('attacker-2', proven('Victim@mail.test')))
  refused(t, taken, 409, 'link_required')
})

test('CVE-2026-34969: no redirect carries a token, only a code that works once', async (t) => {
  const answer = await signIn(stage, 'github', githubber(), { redirect_to: home })
  const query = sentHome(t, answer)
  t.deepEqual([...query.keys()].sort(), ['code', 'lang'])
  const { body } = await exchange(stage.app, query.get('code') ?? '')
  const location = answer.headers.get('location') ?? ''
  t.false(location.includes(body.refreshToken))
  t.false(location.includes(body.token))
  t.false(answer.headers.getSetCookie().some((cookie) => cookie.includes(body.refreshToken)))
})

test('CVE-2026-31813: a token is not verified with the issuer and keys that it names itself', async (t) => {
  const { token } = await stage.app.signup('issued')
  const { header, payload } = open(token)
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const jwk = publicKey.export({ format: 'jwk' })
  for (const [more, claims] of [
    [{}, { iss: stage.fake.url }],
    [{ jku: `${stage.fake.url}/jwks` }, { iss: stage.fake.url }],
    [{ jwk }, {}],
    [{ x5u: `${stage.fake.url}/chain` }, {}],
  ] as const) {
    const forged = forge({ ...header, ...more }, { ...payload, ...claims }, privateKey)
    refused(t, await stage.app.get('/user', bearer(forged)), 401, 'invalid_token')
    refused(t, await stage.app.get('/webhook', bearer(forged)), 401, 'invalid_token')
  }
  t.false(stage.fake.requests.some(({ endpoint }) => endpoint === 'unknown'))
})

test('GHSA-3529-5m8x-rpv3: no header of a request chooses a link, a callback or an issuer', async (t) => {
  const { app } = stage
  const headers = {
    'X-Forwarded-Host': 'evil.test',
    'X-Forwarded-Proto': 'http',
    'X-Original-URL': 'https://evil.test/',
    Forwarded: 'host=evil.test;proto=http',
  }
  const start = await app.get('/auth/github', headers)
  const target = new URL(start.headers.get('location') ?? '')
  t.is(target.searchParams.get('redirect_uri'), 'https://gateway.test/auth/github/callback')
  t.false((await app.get('/providers', headers)).text.includes('evil.test'))
  const body = { username: 'forwarded', password, confirmPassword: password }
  const { body: session } = await app.call<{ token: string }>('POST', '/signup', { body, headers })
  t.is(open(session.token).payload.iss, 'https://gateway.test')
})

test('CVE-2025-61928: the user of a request is never read from its body', async (t) => {
  const { app } = stage
  const victim = await app.signup('meant')
  const attacker = await app.signup('meaning')
  const headers = bearer(attacker.token)
  for (const more of [{ userId: victim.id }, { id: victim.id }, { username: 'meant' }, { sub: victim.id }]) {
    const body = { currentPassword: password, newPassword: 'another password', ...more }
    refused(t, await app.call('POST', '/user/password', { body, headers }), 422, 'validation_failed')
    const linking = await app.call('POST', '/user/identities/github', { body: more, headers })
    refused(t, linking, 422, 'validation_failed')
  }
  t.is((await app.login('meant')).status, 200)
})

test('GHSA-xg6x-h9c9-2m83: no user gets a session before the check that the user is active', async (t) => {
  const { app } = stage
  const person = githubber()
  const local = await app.signup('dormant')
  const { body: social } = await signIn(stage, 'github', person)
  for (const { id } of [local, social]) await deactivate(app, id)
  const count = async () =>
    (await app.sql('SELECT 1 FROM session WHERE user_id IN ($1, $2)', [local.id, social.id])).length
  const before = await count()
  refused(t, await app.login('dormant'), 401, 'invalid_credentials')
  refused(t, await signIn(stage, 'github', person), 403, 'user_inactive')
  t.is(await count(), before)
})

test('CVE-2026-45364: a new address of the same IPv6 network gives no further attempts', async (t) => {
  await stage.app.signup('guessed')
  const statuses = []
  for (const host of [':1', ':2', 'ffff:1::', '1:2:3:4', '0:0:0:9']) {
    const headers = { 'X-Forwarded-For': `2001:db8:77:1:${host}` }
    const body = { username: 'guessed', password: 'wrong' }
    statuses.push((await stage.app.call('POST', '/login', { body, headers })).status)
  }
  t.deepEqual(statuses, [401, 401, 401, 429, 429])
})

test('CVE-2022-25896: a sign-in begins a new session, with any cookies of the browser', async (t) => {
  const { app } = stage
  const attacker = await app.signup('fixating')
  await app.signup('fixated')
  const sid = (token: string) => open(token).payload.sid
  const headers = {
    ...bearer(attacker.token),
    Cookie: `__Host-claimgate-refresh=${attacker.refreshToken}`,
  }
  const { body } = await app.call<{ token: string; username: string }>('POST', '/login', {
    body: { username: 'fixated', password },
    headers,
  })
  t.is(body.username, 'fixated')
  t.not(sid(body.token), sid(attacker.token))
  const victim = openBrowser(app)
  const attackers = openBrowser(app)
  const location = await attackers.start('github', { redirect_to: home })
  refused(t, await victim.visit(stage.fake.authorize(location, githubber())), 403, 'invalid_state')
})

test('CVE-2022-36083: a cookie cannot cause costly work before it is decrypted', async (t) => {
  const header = {
    alg: 'PBES2-HS512+A256KW',
    enc: 'A256GCM',
    p2c: 2_147_483_647,
    p2s: 'AAAAAAAAAAAAAAAAAAAAAA',
  }
  const encoded = Buffer.from(JSON.stringify(header)).toString('base64url')
  const key = 'A'.repeat(54)
  const cookie = `__Host-claimgate-flow=${encoded}.${key}.AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA`
  const answer = await stage.app.get('/auth/github/callback?code=x&state=y', { cookie })
  refused(t, answer, 403, 'invalid_state')
})

test('supabase/auth#2612: of twenty concurrent exchanges of one code exactly one gets a session', async (t) => {
  const code = await signInForCode(t, stage, 'github', githubber())
  const answers = await Promise.all(Array.from({ length: 20 }, () => exchange(stage.app, code)))
  t.is(answers.filter(({ status }) => status === 200).length, 1)
  t.is(answers.filter(({ status }) => status === 401).length, 19)
})

test('supabase/auth#2642: the tokens of a deactivated user are rejected at once', async (t) => {
  const { app } = stage
  const { id, token, refreshToken } = await app.signup('banned')
  t.is((await app.get('/webhook', bearer(token))).status, 200)
  await deactivate(app, id)
  refused(t, await app.get('/webhook', bearer(token)), 401, 'invalid_token')
  refused(t, await app.get('/user', bearer(token)), 401, 'invalid_token')
  refused(t, await app.get('/user/sessions', bearer(token)), 401, 'invalid_token')
  refused(t, await app.post('/token', { refreshToken }), 401, 'invalid_token')
})
