import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'
import { errors, jwtVerify } from 'jose'
import { z } from 'zod'
import { GatewayError } from '../../src/errors.ts'
import { createAccessTokens } from '../../src/tokens/access-token.ts'
import { createSigningKeys } from '../../src/tokens/keyring.ts'
import test from '../_test.ts'
import { flips, forge, forgeHmac, forgeUnsigned } from '../http/_forge.ts'

const own = generateKeyPairSync('rsa', { modulusLength: 2048 })
const other = generateKeyPairSync('rsa', { modulusLength: 2048 })
const pem = own.publicKey.export({ format: 'pem', type: 'spki' }).toString()
const keys = createSigningKeys({ kid: 'own', ...own }, [{ kid: 'other', publicKey: other.publicKey }])
const issuer = 'https://auth.example.com'
const audience = 'hasura'
const { verify, verifyNow } = createAccessTokens(keys, {
  issuer,
  audience,
  accessTokenLifetime: 900,
  claimsNamespace: 'https://hasura.io/jwt/claims',
  claimsFormat: 'json',
})
const now = new Date('2026-01-01T00:00:00.500Z')
const seconds = Math.floor(now.getTime() / 1000)

type Json = Record<string, unknown>
const header: Json = { alg: 'RS256', typ: 'JWT', kid: 'own' }
const payload: Json = {
  ...{ iss: issuer, aud: audience, sub: randomUUID(), sid: randomUUID(), jti: randomUUID() },
  ...{ iat: seconds, exp: seconds + 900, auth_time: seconds, name: 'ädä' },
}

/** Signs two texts that may be no JSON. */
function signText(head: string | Buffer, body: string | Buffer, key: KeyObject = own.privateKey): string {
  const input = [head, body].map((part) => Buffer.from(part).toString('base64url')).join('.')
  return signInput(input, key)
}

function signInput(input: string, key: KeyObject = own.privateKey): string {
  return `${input}.${sign('sha256', Buffer.from(input), key).toString('base64url')}`
}

const text = JSON.stringify
const good = forge(header, payload, own.privateKey)
const [goodHeader = '', goodPayload = '', goodSignature = ''] = good.split('.')

// Any value that JSON has, in place of the right one.
const values = [
  ...[null, true, false, 0, 1, -1, 1.5, 1e308, '', 'x', 'JWT', 'RS256', [], ['x'], {}, { x: 1 }],
  ...[
    undefined,
    [null],
    [issuer],
    [audience],
    ['x', audience],
    [audience, 1],
    [[audience]],
    { [audience]: 1 },
  ],
  ...[seconds - 1, seconds, seconds + 0.5, seconds + 1, seconds + 30, seconds + 30.4, seconds + 30.6],
  ...[seconds + 31, String(seconds + 900), randomUUID(), randomUUID().toUpperCase(), `${randomUUID()} `],
]

function* headers(): Generator<Json> {
  for (const name of ['alg', 'typ', 'kid', 'crit', 'b64', 'jwk', 'zip', 'cty', '__proto__'])
    for (const value of values) yield { ...header, [name]: value }
  for (const alg of [
    'none',
    'None',
    'HS256',
    'RS384',
    'RS512',
    'PS256',
    'ES256',
    'EdDSA',
    'rs256',
    'RSA-OAEP',
  ])
    yield { ...header, alg }
  for (const typ of [
    'jwt',
    'Jwt',
    'application/jwt',
    'application/JWT',
    'at+jwt',
    'JWT ',
    'a/jwt',
    'jwt\n',
    'jwT/',
  ])
    yield { ...header, typ }
  for (const kid of ['other', 'unknown', '__proto__', 'constructor', 'own ']) yield { ...header, kid }
  for (const crit of [['exp'], ['x'], ['b64', 'b64'], ['b64'], [''], 'b64']) {
    yield { ...header, crit }
    yield { ...header, crit, x: 1, b64: false }
    yield { ...header, crit, exp: 1 }
  }
}

function* payloads(): Generator<Json> {
  for (const name of [
    'iss',
    'sub',
    'aud',
    'sid',
    'jti',
    'iat',
    'exp',
    'nbf',
    'auth_time',
    'name',
    '__proto__',
  ])
    for (const value of values) yield { ...payload, [name]: value }
}

function* texts(): Generator<string> {
  const head = text(header)
  const body = text(payload)
  for (const part of [
    '',
    ' ',
    'null',
    '[]',
    '1',
    '"x"',
    '{',
    '{}',
    '{}{}',
    `${body}x`,
    `[${body}]`,
    ` ${body}\n`,
  ]) {
    yield signText(head, part)
    yield signText(part, body)
  }
  for (const [name, value] of Object.entries(payload)) {
    const member = `"${name}":`
    yield signText(head, body.replace('{', `{${member}${text(value)},`))
    yield signText(head, body.replace('{', `{${member}"first",`))
    yield signText(head, body.replace('}', `,${member}"last"}`))
    for (const number of ['1e400', '-1e400', '1E3', '9007199254740993', '01', '+1', 'NaN', '0x10', '1.0'])
      yield signText(head, body.replace(`${member}${text(value)}`, `${member}${number}`))
  }
  yield signText(head.replace('{', '{"alg":"none",'), body)
  yield signText(head.replace('}', ',"alg":"none"}'), body)
  yield signText(head.replace('"alg"', '"\\u0061lg"'), body)
  yield signText(
    head,
    Buffer.concat([Buffer.from(body.slice(0, -2)), Buffer.from([0xff]), Buffer.from('"}')]),
  )
  yield signText(Buffer.from(head, 'utf16le'), body)
  yield signText(head, Buffer.from(body, 'utf16le'))
}

function* spellings(): Generator<string> {
  yield* flips(good)
  for (const extra of ['', '.', 'A', 'AA', 'AAA', '=', '==', ' ', '\n', '\0', '%00', '.x', '+', '/', 'é']) {
    yield `${good}${extra}`
    yield `${extra}${good}x`
    yield `${goodHeader}${extra}.${goodPayload}.${goodSignature}`
    yield `${goodHeader}.${goodPayload}${extra}.${goodSignature}`
    yield signInput(`${goodHeader}${extra}.${goodPayload}`)
    yield signInput(`${goodHeader}.${goodPayload}${extra}`)
  }
  for (let length = 0; length < goodSignature.length; length += 9)
    yield `${goodHeader}.${goodPayload}.${goodSignature.slice(0, length)}`
  yield* ['', '.', '..', '...', goodHeader, `${goodHeader}.${goodPayload}`, `${goodHeader}..${goodSignature}`]
  yield `.${goodPayload}.${goodSignature}`
  yield signInput(`.${goodPayload}`)
  yield signInput(`${goodHeader}.`)
}

function* foreign(): Generator<string> {
  for (const key of [other.privateKey, generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey])
    for (const kid of ['own', 'other']) yield forge({ ...header, kid }, payload, key)
  for (const hash of ['RSA-SHA1', 'RSA-SHA384', 'RSA-SHA512'])
    yield forge(header, payload, own.privateKey, hash)
  for (const alg of ['HS256', 'RS256', 'none', 'nOnE']) {
    for (const secret of [pem, pem.trim(), '', 'own']) yield forgeHmac({ ...header, alg }, payload, secret)
    yield forgeUnsigned({ ...header, alg }, payload)
  }
}

// As the gateway verified before it had a verification of its own.
const claims = z.object({
  sub: z.guid(),
  sid: z.guid(),
  iat: z.number(),
  exp: z.number(),
  auth_time: z.number().default(0),
})

async function verdictOfJose(token: string): Promise<boolean> {
  try {
    const find = ({ kid }: { kid?: string }) => {
      const key = kid === undefined ? undefined : keys.find(kid)
      if (key === undefined) throw new errors.JWKSNoMatchingKey()
      return key
    }
    const verified = await jwtVerify(token, find, {
      ...{ algorithms: ['RS256'], typ: 'JWT', issuer, audience, currentDate: now },
      requiredClaims: ['sub', 'sid', 'iat', 'exp', 'jti'],
    })
    return claims.parse(verified.payload).iat <= now.getTime() / 1000 + 30
  } catch {
    return false
  }
}

async function verdict(token: string): Promise<boolean> {
  const outcomes = await Promise.all(
    [() => verify(token, now), async () => verifyNow(token, now)].map(async (each) => {
      try {
        return (await each()) !== undefined
      } catch (error) {
        if (error instanceof GatewayError && error.code === 'invalid_token') return false
        throw error
      }
    }),
  )
  if (outcomes[0] !== outcomes[1]) throw new Error(`two verdicts about ${token}`)
  return outcomes[0] === true
}

/** Tokens that jose accepts and RFC 7515 or 7519 does not: the gateway never signs them. */
function isStricter(token: string): boolean {
  const parts = token.split('.')
  if (parts.some((part) => Buffer.from(part, 'base64url').toString('base64url') !== part)) return true
  const [head, body] = parts.map((part) => Buffer.from(part, 'base64url').toString())
  return 'crit' in JSON.parse(head as string) || typeof JSON.parse(body as string).jti !== 'string'
}

test('the verdict about hundreds of tokens is that of jose, or stricter where a token is malformed', async (t) => {
  const tokens = [
    good,
    ...[...headers()].map((each) => forge(each, payload, own.privateKey)),
    ...[...payloads()].map((each) => forge(header, each, own.privateKey)),
    ...texts(),
    ...spellings(),
    ...foreign(),
  ]
  let accepted = 0
  for (const token of tokens) {
    const [ours, theirs] = [await verdict(token), await verdictOfJose(token)]
    accepted += Number(ours)
    if (theirs && !ours) t.true(isStricter(token), token)
    else t.is(ours, theirs, token)
  }
  t.true(tokens.length > 800, `${tokens.length} tokens`)
  t.true(accepted > 100, `${accepted} accepted`)
})

test('a token has one spelling, also where jose accepts several', async (t) => {
  // The last character of 256 bytes has four bits that mean nothing.
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const last = alphabet.indexOf(goodSignature.at(-1) as string)
  const respelled = `${good.slice(0, -1)}${alphabet[last + 1]}`
  t.true(await verdictOfJose(respelled))
  t.false(await verdict(respelled))
  t.true(await verdict(good))
})
