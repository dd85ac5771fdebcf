import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { quick, type SessionBody, startApp, type TestApp } from '../_app.ts'
import { refused } from '../_problem.ts'
import test from '../_test.ts'
import { flips, forge, forgeHmac, forgeUnsigned, open } from '../http/_forge.ts'

const own = generateKeyPairSync('rsa', { modulusLength: 2048 })
const other = generateKeyPairSync('rsa', { modulusLength: 2048 })
const env = { AUTH_PRIVATE_KEY: own.privateKey.export({ format: 'pem', type: 'pkcs1' }).toString() }

let app: TestApp
let session: SessionBody
let bystander: SessionBody
test.before('start', async () => {
  app = await startApp({ engine: quick, env })
  session = await app.signup('alice')
  bystander = await app.signup('bob')
})
test.after.always('stop', () => app?.close())

const userOf = (token: string, scheme = 'Bearer') =>
  app.get('/user', { Authorization: `${scheme} ${token}`.trimStart() })
const webhookOf = (token: string) => app.as({ token }).get('/webhook')

test('a token forged with the right key is accepted, so each rejection below has its own reason', async (t) => {
  const { header, payload } = open(session.token)
  t.is((await userOf(forge(header, payload, own.privateKey))).status, 200)
})

test('a token with one character changed is 401, at every position', async (t) => {
  for (const token of flips(session.token)) refused(t, await userOf(token), 401, 'invalid_token')
})

type Forgery = (parts: ReturnType<typeof open>) => string
const pem = own.publicKey.export({ format: 'pem', type: 'spki' }).toString()
const resign =
  (header: object, payload: object = {}): Forgery =>
  (parts) =>
    forge({ ...parts.header, ...header }, { ...parts.payload, ...payload }, own.privateKey)

const forgeries: [what: string, forgery: Forgery][] = [
  ['alg none', ({ header, payload }) => forgeUnsigned({ ...header, alg: 'none' }, payload)],
  ['alg none with a signature', resign({ alg: 'none' })],
  ['alg nOnE', ({ header, payload }) => forgeUnsigned({ ...header, alg: 'nOnE' }, payload)],
  [
    'an HMAC with the public key',
    ({ header, payload }) => forgeHmac({ ...header, alg: 'HS256' }, payload, pem),
  ],
  [
    'an HMAC with the public key without the last newline',
    ({ header, payload }) => forgeHmac({ ...header, alg: 'HS256' }, payload, pem.trim()),
  ],
  [
    'an HMAC with the modulus',
    ({ header, payload }) => {
      const { n = '' } = own.publicKey.export({ format: 'jwk' })
      return forgeHmac({ ...header, alg: 'HS256' }, payload, Buffer.from(n, 'base64url'))
    },
  ],
  ['an HMAC with nothing', ({ header, payload }) => forgeHmac({ ...header, alg: 'HS256' }, payload, '')],
  ['another key under our kid', ({ header, payload }) => forge(header, payload, other.privateKey)],
  [
    'another key, which its header brings along',
    ({ header, payload }) =>
      forge({ ...header, jwk: other.publicKey.export({ format: 'jwk' }) }, payload, other.privateKey),
  ],
  [
    'another algorithm of our key',
    ({ header, payload }) => forge({ ...header, alg: 'RS512' }, payload, own.privateKey, 'RSA-SHA512'),
  ],
  ['no kid', resign({ kid: undefined })],
  ['an unknown kid', resign({ kid: randomUUID() })],
  ['a kid that is not a string', resign({ kid: 1 })],
  ['a kid that every object has', resign({ kid: '__proto__' })],
  ['another typ', resign({ typ: 'at+jwt' })],
  ['a critical extension', resign({ crit: ['x'], x: 1 })],
  ['another issuer', resign({}, { iss: 'https://other.test' })],
  ['another audience', resign({}, { aud: 'other' })],
  ['a time at which it begins', resign({}, { nbf: 4_000_000_000 })],
  ['a time of issue beyond the skew of clocks', resign({}, { iat: 4_000_000_000 })],
  ['an end that is over', resign({}, { exp: 1_000_000_000 })],
  ['an end that is text', resign({}, { exp: '4000000000' })],
  ...['iss', 'sub', 'aud', 'iat', 'exp', 'jti', 'sid'].map((name): [string, Forgery] => [
    `no ${name}`,
    resign({}, { [name]: undefined }),
  ]),
  ['a subject that is no id', resign({}, { sub: "' OR true --" })],
  ['a session that is no id', resign({}, { sid: 'x' })],
  ['a session that does not exist', resign({}, { sid: randomUUID() })],
  ["another user's subject", (parts) => resign({}, { sub: bystander.id })(parts)],
  ["another user's session", (parts) => resign({}, { sid: open(bystander.token).payload.sid })(parts)],
]
for (const [what, forgery] of forgeries) {
  test(`a token with ${what} is 401 at /user and /webhook`, async (t) => {
    const token = forgery(open(session.token))
    refused(t, await userOf(token), 401, 'invalid_token')
    refused(t, await webhookOf(token), 401, 'invalid_token')
  })
}

for (const variable of ['AUTH_ISSUER', 'AUTH_AUDIENCE']) {
  test.serial(`a token of a gateway with another ${variable} and the same key is 401 here`, async (t) => {
    const twin = await startApp({ engine: quick, env: { ...env, [variable]: 'another-value' } })
    t.teardown(twin.close)
    const { token } = await twin.signup('alice')
    t.is((await twin.as({ token }).get('/user')).status, 200)
    refused(t, await userOf(token), 401, 'invalid_token')
  })
}

for (const scheme of ['Basic', 'Token', 'BearerX', 'Bearer,', '']) {
  test(`a valid token under the scheme "${scheme}" is 401`, async (t) => {
    refused(t, await userOf(session.token, scheme), 401, 'invalid_token')
  })
}

test('a token of an earlier version, without auth_time, is valid, but the authentication is not fresh', async (t) => {
  const { header, payload } = open(session.token)
  const { auth_time: _authTime, amr: _amr, acr: _acr, ...earlier } = payload
  const token = forge(header, earlier, own.privateKey)
  t.is((await userOf(token)).status, 200)
  const headers = { Authorization: `Bearer ${token}` }
  const unlinked = await app.call('DELETE', '/user/identities/github', { headers })
  refused(t, unlinked, 403, 'fresh_authentication_required')
})

test('a token of a clock that is ahead is valid up to a skew of 30 seconds', async (t) => {
  const { header, payload } = open(session.token)
  const issuedIn = (seconds: number) =>
    forge(header, { ...payload, iat: Number(payload.iat) + seconds }, own.privateKey)
  t.is((await userOf(issuedIn(30))).status, 200)
  for (const answer of [await userOf(issuedIn(31)), await webhookOf(issuedIn(31))])
    refused(t, answer, 401, 'invalid_token')
})

test('the scheme is case-insensitive', async (t) => {
  for (const scheme of ['bearer', 'BEARER']) t.is((await userOf(session.token, scheme)).status, 200)
})

test('a refresh token and a token in the query are rejected as access tokens', async (t) => {
  refused(t, await userOf(session.refreshToken), 401, 'invalid_token')
  refused(t, await app.get(`/user?access_token=${session.token}`), 401, 'invalid_token')
})

test.serial('a token is valid for its lifetime and no second longer', async (t) => {
  const late = await startApp({ engine: quick, env: { AUTH_ACCESS_TOKEN_LIFETIME: '60' } })
  t.teardown(late.close)
  const { token, expiresIn } = await late.signup('alice')
  t.is(expiresIn, 60)
  const headers = { Authorization: `Bearer ${token}` }
  late.clock.advance(59)
  t.is((await late.get('/user', headers)).status, 200)
  late.clock.advance(1)
  refused(t, await late.get('/user', headers), 401, 'invalid_token')
  refused(t, await late.get('/webhook', headers), 401, 'invalid_token')
})
