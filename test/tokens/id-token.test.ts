import { createSecretKey, generateKeyPairSync } from 'node:crypto'
import { createLocalJWKSet, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import { type IdTokenRules, verifyIdToken } from '../../src/tokens/id-token.ts'
import test from '../_test.ts'

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const jwk = { ...publicKey.export({ format: 'jwk' }), kty: 'RSA', kid: 'one' }
const findKey = createLocalJWKSet({ keys: [jwk] })
const now = new Date('2026-01-01T00:00:00Z')
const seconds = now.getTime() / 1000

const claims = { iss: 'https://idp.test', sub: '1', aud: 'app', iat: seconds, exp: seconds + 300 }
const rules: IdTokenRules = {
  issuer: 'https://idp.test',
  clientIds: ['app', 'phone'],
  nonce: undefined,
  now,
}

const sign = (more: JWTPayload = {}, header: object = {}) =>
  new SignJWT({ ...claims, ...more })
    .setProtectedHeader({ alg: 'RS256', kid: 'one', ...header })
    .sign(privateKey)

test('the token of any of several clients passes, with the nonce of the sign-in or with none', async (t) => {
  t.like(await verifyIdToken(await sign(), findKey, rules), { sub: '1', aud: 'app' })
  t.like(await verifyIdToken(await sign({ aud: 'phone', azp: 'app' }), findKey, rules), { aud: 'phone' })
  t.like(await verifyIdToken(await sign({ nonce: 'n' }), findKey, { ...rules, nonce: 'n' }), { nonce: 'n' })
  // Without its access token, at_hash has nothing to be compared with.
  t.like(await verifyIdToken(await sign({ at_hash: 'x' }), findKey, rules), { sub: '1' })
})

for (const [what, more, problem] of [
  ['another issuer', { iss: 'https://idp.test/' }, /"iss"/],
  ['another audience', { aud: 'other' }, /"aud"/],
  ['several audiences without azp', { aud: ['app', 'phone'] }, /azp is missing/],
  ['the azp of another client', { azp: 'other' }, /azp is another client/],
  ['a nonce that no sign-in has', { nonce: 'n' }, /nonce/],
  ['an exp 30 seconds ago', { exp: seconds - 30 }, /"exp"/],
  ['an iat 31 seconds ahead', { iat: seconds + 31 }, /iat is in the future/],
  ['an nbf 31 seconds ahead', { nbf: seconds + 31 }, /"nbf"/],
] as const)
  test(`a token with ${what} is rejected`, async (t) => {
    await t.throwsAsync(async () => verifyIdToken(await sign(more as JWTPayload), findKey, rules), {
      message: problem,
    })
  })

test('a token without the nonce of the sign-in, or with another, is rejected', async (t) => {
  for (const more of [{}, { nonce: 'other' }, { nonce: '' }])
    await t.throwsAsync(async () => verifyIdToken(await sign(more), findKey, { ...rules, nonce: 'n' }), {
      message: /nonce is of another sign-in/,
    })
})

test('a token of another access token is rejected', async (t) => {
  const token = await sign({ at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' })
  await t.throwsAsync(verifyIdToken(token, findKey, { ...rules, accessToken: 'x' }), { message: /at_hash/ })
})

for (const [what, more] of [
  ['a logout token', { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } }],
  ['an access token', { scope: 'openid profile' }],
  ['an access token of Entra ID', { scp: 'openid profile' }],
  ['an access token of Keycloak', { typ: 'Bearer' }],
] as const)
  test(`the type JWT makes no ID token of ${what} that came alone`, async (t) => {
    const token = await sign(more, { typ: 'JWT' })
    await t.throwsAsync(verifyIdToken(token, findKey, rules), { message: /for another use/ })
    // The token endpoint tells the two apart itself.
    t.like(await verifyIdToken(token, findKey, { ...rules, accessToken: 'x' }), { sub: '1' })
    t.like(await verifyIdToken(await sign({ typ: 'ID' }), findKey, rules), { sub: '1' })
  })

test('a token that is unsigned, signed by a secret, or of another type is rejected', async (t) => {
  const secret = createSecretKey(Buffer.from('a secret of the client 0123456789 0123456789'))
  const byPublicKey = createSecretKey(Buffer.from(publicKey.export({ format: 'pem', type: 'spki' })))
  const byText = (key: typeof secret) =>
    new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'one' }).sign(key)
  for (const token of [
    new UnsecuredJWT(claims).encode(),
    await byText(secret),
    await byText(byPublicKey),
    await sign({}, { typ: 'logout+jwt' }),
    await sign({}, { alg: 'RS384' }),
    await sign({}, { alg: 'RS512' }),
  ])
    await t.throwsAsync(verifyIdToken(token, findKey, rules))
})
