import { createHash, createHmac } from 'node:crypto'
import type { JWTPayload } from 'jose'
import { clientId, clientSecret, createProviderKey, type Tampering } from '../_openid-provider.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { acmeUser, type OpenIdStage, signInAtAcme, startOpenIdStage } from './_openid.ts'
import { home, refused, sentHome } from './_sign-in.ts'

let stage: OpenIdStage
test.serial.before('start', async () => {
  stage = await startOpenIdStage()
})
test.after.always('stop', () => stage?.stop())
test.serial.afterEach.always(() => {
  stage.peer.tamper({})
  stage.clock.ahead = 0
})

const now = () => Math.floor(Date.now() / 1000)

/** Changes the claims of the ID token, and signs them with the provider's key. */
const claims =
  (change: (claims: JWTPayload) => JWTPayload): NonNullable<Tampering['idToken']> =>
  (found, sign) =>
    sign(change(found))

const without = (name: string) => claims(({ [name]: _, ...others }) => others)
const having = (more: JWTPayload) => claims((found) => ({ ...found, ...more }))

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Signs claims with a text as the key, as HS256 does with the secret of the client. */
function signByText(found: object, secret: string, header: object = {}): string {
  const signed = `${encode({ alg: 'HS256', ...header })}.${encode(found)}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}

/** The reason in the log of the last failure. */
function reason(): string {
  const failed = stage.app.logs.findLast(({ err }) => err !== undefined)
  return JSON.stringify(failed)
}

/** Asserts that sign-ins with this ID token end in `provider_error`, as JSON and at the app, and the next one works. */
async function rejects(t: ExecutionContext, idToken: NonNullable<Tampering['idToken']>): Promise<void> {
  stage.peer.tamper({ idToken })
  refused(t, await signInAtAcme(stage, acmeUser()), 502, 'provider_error')
  t.is(
    sentHome(t, await signInAtAcme(stage, acmeUser(), { redirect_to: home })).get('error'),
    'provider_error',
  )
  stage.peer.tamper({})
  t.is((await signInAtAcme(stage, acmeUser())).status, 200)
}

const bad: Record<string, NonNullable<Tampering['idToken']>> = {
  'another issuer': having({ iss: 'https://other.test' }),
  'its issuer with a final slash': claims(({ iss, ...found }) => ({ ...found, iss: `${iss}/` })),
  'no issuer': without('iss'),
  'another audience': having({ aud: 'another-client' }),
  'an empty audience': having({ aud: [] }),
  'no audience': without('aud'),
  'several audiences and no azp': having({ aud: [clientId, 'another-client'] }),
  'several audiences and the azp of another client': having({
    aud: [clientId, 'another-client'],
    azp: 'another-client',
  }),
  'one audience and the azp of another client': having({ azp: 'another-client' }),
  'another nonce': having({ nonce: 'of another sign-in' }),
  'no nonce': without('nonce'),
  'another at_hash': having({ at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' }),
  'an at_hash that is no text': having({ at_hash: 1 }),
  'an exp in the past': claims((found) => ({ ...found, iat: now() - 600, exp: now() - 60 })),
  'no exp': without('exp'),
  'an exp that is text': having({ exp: '9999999999' as unknown as number }),
  'an iat in the future': claims((found) => ({ ...found, iat: now() + 120 })),
  'no iat': without('iat'),
  'an nbf in the future': claims((found) => ({ ...found, nbf: now() + 120 })),
  'no subject': without('sub'),
  'a subject that is a number': having({ sub: 12345 as unknown as string }),
  'an empty subject': having({ sub: '' }),
  'the subject undefined': having({ sub: 'undefined' }),
  'the subject null': having({ sub: 'null' }),
  'a subject of 256 characters': having({ sub: 'x'.repeat(256) }),
  'the type of a logout token': (found, sign) => sign(found, { header: { typ: 'logout+jwt' } }),
  'the type of an access token': (found, sign) => sign(found, { header: { typ: 'at+jwt' } }),
  'no signature': async (found) => `${encode({ alg: 'none' })}.${encode(found)}.`,
  'no signature and a kid': async (found) =>
    `${encode({ alg: 'none', kid: stage.peer.key.kid })}.${encode(found)}.`,
  'HS256 with the secret of the client': async (found) => signByText(found, clientSecret),
  'HS256 with the public key': async (found) =>
    signByText(found, JSON.stringify({ n: stage.peer.key.n, e: 'AQAB' }), { kid: stage.peer.key.kid }),
  'an unknown critical header': (found, sign) =>
    sign(found, { header: { crit: ['x'], x: 1 } }).catch(async () => ''),
  'a changed payload': async (found, sign) => {
    const [header, , signature] = (await sign(found)).split('.')
    return `${header}.${encode({ ...found, email: 'other@mail.test' })}.${signature}`
  },
  'the kid of the provider and the signature of another key': async (found, sign) =>
    sign(found, { key: { ...(await createProviderKey()), kid: stage.peer.key.kid } }),
  'no kid and the signature of another key': async (found, sign) => {
    const { kid: _, ...key } = await createProviderKey()
    return sign(found, { key: key as never, header: { kid: undefined } })
  },
  'an unknown kid': async (found, sign) => sign(found, { key: await createProviderKey() }),
  'an RS384 signature': async (found, sign) => sign(found, { key: await createProviderKey('RS384') }),
  'no form of a JWT': async () => 'not-a-jwt',
  'five parts': async () => 'a.b.c.d.e',
  'no characters': async () => '',
}

for (const [what, idToken] of Object.entries(bad))
  test.serial(`an ID token with ${what} signs no user in`, (t) => rejects(t, idToken))

test.serial('no sign-in with a rejected ID token has created a user', async (t) => {
  const rows = await stage.app.sql<{ subject: string }>('SELECT subject FROM identity')
  t.true(rows.length > 0)
  for (const { subject } of rows) t.regex(subject, /^sub-acme-\d+$/)
})

const good: Record<string, NonNullable<Tampering['idToken']>> = {
  'several audiences and our azp': having({ aud: ['another-client', clientId], azp: clientId }),
  'one audience in a list': having({ aud: [clientId] }),
  'our azp': having({ azp: clientId }),
  'a clock that is 20 seconds ahead': claims((found) => ({ ...found, iat: now() + 20 })),
  'an exp 20 seconds ago': claims((found) => ({ ...found, iat: now() - 600, exp: now() - 20 })),
  'the type JWT': (found, sign) => sign(found, { header: { typ: 'JWT' } }),
  'no kid, when the provider has one key': (found, sign) => sign(found, { header: { kid: undefined } }),
  'the right at_hash': async (found, sign, { access_token: token }) => {
    const half = createHash('sha256').update(String(token)).digest().subarray(0, 16)
    return sign({ ...found, at_hash: half.toString('base64url') })
  },
}
for (const [what, idToken] of Object.entries(good))
  test.serial(`an ID token with ${what} signs the user in`, async (t) => {
    stage.peer.tamper({ idToken })
    const { status, text } = await signInAtAcme(stage, acmeUser())
    t.is(status, 200, `${text} ${reason()}`)
  })

test.serial('a token answer without an ID token signs no user in', async (t) => {
  stage.peer.tamper({ token: ({ id_token: _, ...others }) => others })
  refused(t, await signInAtAcme(stage, acmeUser()), 502, 'provider_error')
})

test.serial("times are compared with the gateway's clock", async (t) => {
  stage.clock.ahead = 3600_000
  refused(t, await signInAtAcme(stage, acmeUser()), 502, 'provider_error')
  stage.clock.ahead = -3600_000
  refused(t, await signInAtAcme(stage, acmeUser()), 502, 'provider_error')
  stage.clock.ahead = 25_000
  t.is((await signInAtAcme(stage, acmeUser())).status, 200)
})

for (const alg of ['PS256', 'ES256', 'EdDSA'])
  test(`an ID token signed by ${alg} with an at_hash signs the user in`, async (t) => {
    const own = await startOpenIdStage({ alg })
    t.teardown(own.stop)
    const hashOf = (token: unknown) => {
      const hash = createHash(alg === 'EdDSA' ? 'sha512' : 'sha256')
        .update(String(token))
        .digest()
      return hash.subarray(0, hash.length / 2).toString('base64url')
    }
    own.peer.tamper({
      idToken: (found, sign, { access_token: token }) => sign({ ...found, at_hash: hashOf(token) }),
    })
    t.is((await signInAtAcme(own, acmeUser())).status, 200)
    own.peer.tamper({ idToken: (found, sign) => sign({ ...found, at_hash: hashOf('another token') }) })
    refused(t, await signInAtAcme(own, acmeUser()), 502, 'provider_error')
  })
