import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import fc from 'fast-check'
import {
  type ArgumentType,
  type JsonObject,
  readArgument,
  readJwks,
  readToken,
  readWebhook,
  type TokenOptions,
  type WebhookOptions,
  webhookGetHeaders,
  webhookPostBody,
} from '../_hasura.ts'
import test from '../_test.ts'

const signing = generateKeyPairSync('rsa', { modulusLength: 2048 })
const other = generateKeyPairSync('rsa', { modulusLength: 2048 })
const short = generateKeyPairSync('rsa', { modulusLength: 1024 })

const jwkOf = (publicKey: KeyObject, kid: string): JsonObject => {
  const { n, e } = publicKey.export({ format: 'jwk' })
  return { kty: 'RSA', use: 'sig', alg: 'RS256', kid, n, e }
}
const jwk = jwkOf(signing.publicKey, 'k1')
const setOf = (...keys: unknown[]) => JSON.stringify({ keys })
const keys = readJwks(setOf(jwk))
const bytesOf = (text: unknown) => Buffer.from(String(text), 'base64url')

const now = 1_800_000_000
const namespace = 'https://hasura.io/jwt/claims'
const options: TokenOptions = { now, issuer: 'https://auth.example', audience: 'hasura' }
const header = { alg: 'RS256', typ: 'JWT', kid: 'k1' }
const claims = {
  'x-hasura-allowed-roles': ['editor', 'user'],
  'x-hasura-default-role': 'user',
  'x-hasura-user-id': '907f0dc7',
  'x-hasura-org-ids': '{1,2}',
}
const payload = {
  iss: options.issuer,
  sub: '907f0dc7',
  aud: 'hasura',
  iat: now,
  exp: now + 900,
  jti: 'j1',
  sid: 's1',
  name: 'test123',
  auth_time: now - 60,
  amr: ['pwd'],
  acr: '1',
  [namespace]: claims,
}

const part = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const signed = (head: unknown, body: unknown, key = signing.privateKey) => {
  const input = `${part(head)}.${part(body)}`
  return `${input}.${sign('RSA-SHA256', Buffer.from(input), key).toString('base64url')}`
}
const withHeader = (change: JsonObject) => signed({ ...header, ...change }, payload)
const withPayload = (change: JsonObject) => signed(header, { ...payload, ...change })
const withClaims = (change: JsonObject) => withPayload({ [namespace]: { ...claims, ...change } })
const token = signed(header, payload)

const includes = (text: string) => (message: string) => message.includes(text)

test('readJwks returns every key of a good set, by kid', (t) => {
  const read = readJwks(setOf(jwk, jwkOf(other.publicKey, 'k2')))
  t.deepEqual([...read.keys()], ['k1', 'k2'])
  t.true(read.get('k2')?.publicKey.equals(other.publicKey))
  t.is(readJwks(Buffer.from(setOf(jwk))).size, 1)
})

const withZero = (text: unknown) => Buffer.concat([Buffer.of(0), bytesOf(text)]).toString('base64url')
const standard = Buffer.concat([Buffer.of(0xfb, 0xff, 0xbf), bytesOf(jwk.n).subarray(3)]).toString('base64')
const badSets: [claim: string, body: string | Buffer, message: string][] = [
  ['HTML', '<html>', 'JWKS: not JSON in UTF-8'],
  ['bytes that are not UTF-8', Buffer.of(0x7b, 0xff, 0x7d), 'JWKS: not JSON in UTF-8'],
  ['a byte order mark', Buffer.from(`\uFEFF${setOf(jwk)}`), 'JWKS: not JSON in UTF-8'],
  ['a bare array of keys', JSON.stringify([jwk]), 'JWKS: not a JSON object'],
  ['a bare key', JSON.stringify(jwk), 'JWKS: keys is not an array'],
  ['an empty set', setOf(), 'JWKS: keys is empty'],
  ['a key that is null', setOf(null), 'JWKS: keys[0] is not an object'],
  ['one bad key among good ones', setOf(jwk, {}, jwk), 'JWKS: keys[1].kty is not RSA: undefined'],
  ['one kid for two keys', setOf(jwk, jwkOf(other.publicKey, 'k1')), 'JWKS: keys[1].kid k1 is used twice'],
  ['a modulus of 1024 bits', setOf(jwkOf(short.publicKey, 'k1')), 'JWKS: keys[0].n has 1024 bits'],
  [
    'the standard alphabet in n',
    setOf({ ...jwk, n: standard.replaceAll('=', '') }),
    'n is not unpadded base64url',
  ],
]
const badMembers: [claim: string, change: JsonObject, message: string][] = [
  ['an unknown kty', { kty: 'rsa' }, 'keys[0].kty is not RSA: "rsa"'],
  ['an unknown use', { use: 'signature' }, 'keys[0].use is not sig: "signature"'],
  ['a missing use', { use: undefined }, 'keys[0].use is not sig: undefined'],
  ['an unknown alg', { alg: 'RS257' }, 'keys[0].alg is not RS256: "RS257"'],
  ['a kid that is a number', { kid: 1 }, 'keys[0].kid is not a non-empty string'],
  ['an empty kid', { kid: '' }, 'keys[0].kid is not a non-empty string'],
  ['a leading zero byte in n', { n: withZero(jwk.n) }, 'keys[0].n has a leading zero byte'],
  ['a leading zero byte in e', { e: withZero(jwk.e) }, 'keys[0].e has a leading zero byte'],
  ['a missing n', { n: undefined }, 'keys[0].n is not a string'],
  ['a number as e', { e: 65537 }, 'keys[0].e is not a string'],
  ['an empty e', { e: '' }, 'keys[0].e is empty'],
  ['padding in n', { n: `${jwk.n}==` }, 'keys[0].n is not unpadded base64url'],
  ['a line break in n', { n: `${jwk.n}\n` }, 'keys[0].n is not unpadded base64url'],
  ['spare bits in e', { e: 'AR' }, 'keys[0].e is not unpadded base64url'],
  [
    'an unknown key_ops',
    { key_ops: ['check'] },
    'keys[0] has the members alg,e,key_ops,kid,kty,n,use, not exactly',
  ],
  ['a bad x5t', { x5t: 'AAAA' }, 'keys[0] has the members alg,e,kid,kty,n,use,x5t, not exactly'],
  ['a private member', { d: 'AQAB' }, 'keys[0] has the members alg,d,e,kid,kty,n,use, not exactly'],
]
for (const [claim, body, message] of [
  ...badSets,
  ...badMembers.map(([claim, change, message]) => [claim, setOf({ ...jwk, ...change }), message] as const),
]) {
  test(`readJwks refuses ${claim}`, (t) => {
    t.throws(() => readJwks(body), { message: includes(message) })
  })
}

test('readJwks refuses every key with a leading zero byte in n or e', (t) => {
  const modulus = fc.uint8Array({ minLength: 254, maxLength: 510 }).map((middle) => {
    return Buffer.concat([Buffer.of(0x80 | (middle[0] ?? 0)), middle, Buffer.of(0xff)])
  })
  const exponent = fc.constantFrom('Aw', 'EQ', 'AQAB').map(bytesOf)
  fc.assert(
    fc.property(
      modulus,
      exponent,
      fc.integer({ min: 1, max: 4 }),
      fc.constantFrom('n', 'e'),
      (n, e, zeros, name) => {
        const key = { ...jwk, n: n.toString('base64url'), e: e.toString('base64url') }
        t.is(readJwks(setOf(key)).size, 1)
        const led = Buffer.concat([Buffer.alloc(zeros), bytesOf(key[name as 'n' | 'e'])]).toString(
          'base64url',
        )
        const message = includes(`${name} has a leading zero byte`)
        t.throws(() => readJwks(setOf({ ...key, [name]: led })), { message })
      },
    ),
    { numRuns: 50 },
  )
})

const jwksHeaders = (change: Record<string, string> = {}) =>
  new Headers({
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'public, max-age=300',
    ...change,
  })

test('readJwks accepts headers that make Hasura fetch again in time', (t) => {
  t.is(readJwks(setOf(jwk), jwksHeaders()).size, 1)
})

for (const [claim, change, message] of [
  ['another Content-Type', { 'content-type': 'text/html' }, 'Content-Type text/html is not application/json'],
  ['an empty Cache-Control', { 'cache-control': '' }, 'has no max-age above 0'],
  [
    'a Cache-Control without max-age',
    { 'cache-control': 'public' },
    'Cache-Control public has no max-age above 0',
  ],
  ['max-age=0', { 'cache-control': 'max-age=0' }, 'Cache-Control max-age=0 has no max-age above 0'],
  ['an s-maxage before max-age', { 'cache-control': 's-maxage=0, max-age=300' }, 'has no max-age above 0'],
  ['a max-age that is no number', { 'cache-control': 'max-age=5m' }, 'has no max-age above 0'],
  ['no-cache', { 'cache-control': 'no-cache, max-age=300' }, 'makes Hasura fetch every second'],
  ['no-store', { 'cache-control': 'max-age=300, no-store' }, 'makes Hasura fetch every second'],
] as const) {
  test(`readJwks refuses ${claim} in the headers`, (t) => {
    t.throws(() => readJwks(setOf(jwk), jwksHeaders(change)), { message: includes(message) })
  })
}

test('readToken returns header, payload and claims of a good token', (t) => {
  t.deepEqual(readToken(token, keys, options), { header, payload, claims })
})

test('readToken reads stringified claims and another namespace when so configured', (t) => {
  const body = { ...payload, [namespace]: undefined, hasura: JSON.stringify(claims) }
  const configured = { ...options, namespace: 'hasura', format: 'stringified_json' } as const
  t.deepEqual(readToken(signed(header, body), keys, configured).claims, claims)
})

test('readToken accepts an audience among several', (t) => {
  t.notThrows(() => readToken(withPayload({ aud: ['other', 'hasura'] }), keys, options))
})

test('readToken takes the skew into account at both ends, and is exact to the second', (t) => {
  for (const [change, skew, accepted] of [
    [{ exp: now + 1 }, 0, true],
    [{ exp: now }, 0, false],
    [{ exp: now - 29 }, 30, true],
    [{ exp: now - 30 }, 30, false],
    [{ iat: now + 1 }, 0, false],
    [{ iat: now + 30 }, 30, true],
    [{ iat: now + 31 }, 30, false],
    [{ nbf: now }, 0, true],
    [{ nbf: now + 1 }, 0, false],
    [{ nbf: now + 30 }, 30, true],
  ] as const) {
    const read = () => readToken(withPayload(change), keys, { ...options, skew })
    if (accepted) t.notThrows(read)
    else t.throws(read, { message: /expired|in the future/ })
  }
})

const emulation = { 'x-hasura-role': 'user' }
const roles = (value: unknown) => withClaims({ 'x-hasura-allowed-roles': value })
const otherFormat = { ...options, format: 'stringified_json' } as const
const badTokens: [claim: string, token: string, message: string, options?: TokenOptions][] = [
  ['two parts', token.slice(0, token.lastIndexOf('.')), 'token: 2 parts instead of 3'],
  ['five parts', `${token}.a.b`, 'token: 5 parts instead of 3'],
  ['padding', `${token}==`, 'token: signature is not unpadded base64url'],
  ['white space', ` ${token}`, 'token: header is not unpadded base64url'],
  ['a header that is not JSON', signed('RS256', payload), 'token: header: not JSON in UTF-8'],
  ['a header that is an array', signed('[]', payload), 'token: header: not a JSON object'],
  ['alg none', withHeader({ alg: 'none' }), 'token: alg none is not RS256'],
  ['alg HS256', withHeader({ alg: 'HS256' }), 'token: alg HS256 is not RS256'],
  ['a typ that is not JWT', withHeader({ typ: 1 }), 'token: typ 1 is not JWT'],
  ['a missing kid', withHeader({ kid: undefined }), 'token: kid is missing'],
  ['a kid that is a number', withHeader({ kid: 1 }), 'token: kid is not a string'],
  ['a kid that is not in the JWKS', withHeader({ kid: 'k2' }), 'token: kid k2 is not in the JWKS'],
  ['an unknown crit', withHeader({ crit: ['x'] }), 'token: crit names unknown extensions: ["x"]'],
  ['a payload that is not JSON', signed(header, 'hello'), 'token: payload: not JSON in UTF-8'],
  ['a payload that is a string', signed(header, '"hello"'), 'token: payload: not a JSON object'],
  ['a missing iss', withPayload({ iss: undefined }), 'token: iss is not a string'],
  [
    'an iss with a colon that is no URI',
    withPayload({ iss: '127.0.0.1:80' }),
    'token: iss 127.0.0.1:80 has a colon',
  ],
  ['a sub that is a number', withPayload({ sub: 7 }), 'token: sub is not a string'],
  [
    'a sub with a colon that is no URI',
    withPayload({ sub: 'git hub:7' }),
    'token: sub git hub:7 has a colon',
  ],
  ['a missing aud', withPayload({ aud: undefined }), 'token: aud is not a string'],
  ['an aud that holds a number', withPayload({ aud: ['hasura', 1] }), 'token: aud is not a string'],
  ['an aud with a colon that is no URI', withPayload({ aud: 'a b:c' }), 'token: aud a b:c has a colon'],
  ['a missing exp', withPayload({ exp: undefined }), 'token: exp is not a number'],
  ['an exp that is a string', withPayload({ exp: String(now + 9) }), 'token: exp is not a number'],
  ['a missing iat', withPayload({ iat: undefined }), 'token: iat is not a number'],
  ['an nbf that is a date', withPayload({ nbf: '2027-01-15' }), 'token: nbf is not a number'],
  ['a missing jti', withPayload({ jti: undefined }), 'token: jti is not a non-empty string'],
  ['an empty sid', withPayload({ sid: '' }), 'token: sid is not a non-empty string'],
  ['a missing auth_time', withPayload({ auth_time: undefined }), 'token: auth_time is not a whole number'],
  [
    'an auth_time after iat',
    withPayload({ auth_time: now + 1 }),
    `token: auth_time ${now + 1} is after iat ${now}`,
  ],
  ['an amr that is text', withPayload({ amr: 'pwd' }), 'token: amr is not an array of non-empty strings'],
  ['an acr that is a number', withPayload({ acr: 1 }), "token: acr 1 is neither '1' nor '2'"],
  ['a name that is null', withPayload({ name: null }), 'token: name is not a non-empty string'],
  [
    'the signature of another key',
    signed(header, payload, other.privateKey),
    'token: the signature does not verify',
  ],
  ['an empty signature', token.slice(0, token.lastIndexOf('.') + 1), 'token: the signature does not verify'],
  ['an expired token', withPayload({ exp: now }), `token: expired at ${now}, now is ${now}`],
  [
    'an iat in the future',
    withPayload({ iat: now + 1 }),
    `token: iat ${now + 1} is in the future, now is ${now}`,
  ],
  [
    'an nbf in the future',
    withPayload({ nbf: now + 1 }),
    `token: nbf ${now + 1} is in the future, now is ${now}`,
  ],
  [
    'another issuer',
    withPayload({ iss: 'https://evil' }),
    'token: iss https://evil is not https://auth.example',
  ],
  ['another audience', withPayload({ aud: 'api' }), 'token: aud api lacks hasura'],
  ['a missing namespace', withPayload({ [namespace]: undefined }), `claims: ${namespace} is missing`],
  ['claims that are null', withPayload({ [namespace]: null }), 'claims: not an object'],
  ['claims that are an array', withPayload({ [namespace]: [] }), 'claims: not an object'],
  [
    'stringified claims unasked for',
    withPayload({ [namespace]: '{}' }),
    'claims: string although claims_format is json',
  ],
  [
    'plain claims for strings',
    token,
    'claims: object although claims_format is stringified_json',
    otherFormat,
  ],
  ['a string that is not JSON', withPayload({ [namespace]: '{' }), 'claims: not JSON in UTF-8', otherFormat],
  [
    'a claim name in upper case',
    withClaims({ 'X-Hasura-Org-Id': '1' }),
    'claims: X-Hasura-Org-Id is not lower-case',
  ],
  ['a claim without the prefix', withClaims({ 'org-id': '1' }), 'claims: org-id is unknown to Hasura'],
  ['x-hasura-role', withClaims(emulation), 'claims: x-hasura-role is role emulation'],
  [
    'a claim that is a number',
    withClaims({ 'x-hasura-org-id': 1 }),
    'claims: x-hasura-org-id is not a string',
  ],
  [
    'a claim that is an array',
    withClaims({ 'x-hasura-org-id': ['1'] }),
    'claims: x-hasura-org-id is not a string',
  ],
  [
    'a claim that is null',
    withClaims({ 'x-hasura-org-id': null }),
    'claims: x-hasura-org-id is not a string',
  ],
  ['missing allowed roles', roles(undefined), 'claims: x-hasura-allowed-roles is not an array'],
  ['allowed roles in one string', roles('{editor,user}'), 'claims: x-hasura-allowed-roles is not an array'],
  [
    'an allowed role that is a number',
    roles(['user', 7]),
    'claims: not every allowed role is a non-empty string',
  ],
  ['an empty allowed role', roles(['', 'user']), 'claims: not every allowed role is a non-empty string'],
  ['duplicate allowed roles', roles(['user', 'user']), 'claims: allowed roles have duplicates: user,user'],
  ['unsorted allowed roles', roles(['user', 'editor']), 'claims: allowed roles are not sorted: user,editor'],
  ['no allowed role', roles([]), 'claims: default role user is not one of '],
  ['a default role not allowed', roles(['editor']), 'claims: default role user is not one of editor'],
  [
    'a missing default role',
    withClaims({ 'x-hasura-default-role': undefined }),
    'claims: default role undefined is not',
  ],
  [
    'a user id that is not sub',
    withClaims({ 'x-hasura-user-id': '8' }),
    'claims: x-hasura-user-id is not sub',
  ],
]
for (const [claim, bad, message, configured = options] of badTokens) {
  test(`readToken refuses ${claim}`, (t) => {
    t.throws(() => readToken(bad, keys, configured), { message: includes(message) })
  })
}

test('readToken breaks off in the order of the checks of Hasura v2', (t) => {
  const broken: [part: 'header' | 'payload' | 'claims', change: JsonObject, message: string][] = [
    ['header', { alg: 'RS1' }, 'alg'],
    ['payload', { sub: 7 }, 'sub'],
    ['header', { kid: 'k3' }, 'kid'],
    ['payload', { exp: now - 1 }, 'signature'],
    ['payload', { exp: now - 1 }, 'expired'],
    ['payload', { iat: now + 1 }, 'iat'],
    ['payload', { nbf: now + 1 }, 'nbf'],
    ['payload', { iss: 'evil' }, 'iss'],
    ['payload', { aud: 'evil' }, 'aud'],
    ['claims', emulation, 'role emulation'],
  ]
  for (const [index, [, , message]] of broken.entries()) {
    const changes = { header: {}, payload: {}, claims: {} }
    for (const [where, change] of broken.slice(index)) Object.assign(changes[where], change)
    const body = { ...payload, ...changes.payload, [namespace]: { ...claims, ...changes.claims } }
    const key = index <= 3 ? other.privateKey : signing.privateKey
    const bad = signed({ ...header, ...changes.header }, body, key)
    t.throws(() => readToken(bad, keys, options), { message: includes(message) }, message)
  }
})

test('readToken refuses any single-byte change of a token', (t) => {
  const position = fc.nat({ max: token.length - 1 })
  fc.assert(
    fc.property(position, fc.integer({ min: 0, max: 255 }), (index, byte) => {
      const bytes = Buffer.from(token)
      fc.pre(bytes[index] !== byte)
      bytes[index] = byte
      t.throws(() => readToken(bytes.toString('latin1'), keys, options))
    }),
    { numRuns: 500 },
  )
})

test('readToken refuses any other spelling of the last character of a token', (t) => {
  for (const last of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_') {
    if (token.endsWith(last)) continue
    t.throws(() => readToken(token.slice(0, -1) + last, keys, options), {
      message: /^token: (the )?signature/,
    })
  }
})

test('readToken accepts any set of roles in order and refuses it out of order or with one doubled', (t) => {
  const set = fc
    .uniqueArray(fc.string({ minLength: 1 }), { minLength: 2, maxLength: 6 })
    .map((all) => all.sort())
  fc.assert(
    fc.property(set, fc.nat(), (allowed, pick) => {
      const claim = (value: string[]) =>
        withClaims({
          'x-hasura-allowed-roles': value,
          'x-hasura-default-role': allowed[pick % allowed.length],
        })
      t.notThrows(() => readToken(claim(allowed), keys, options))
      const reversed = { message: includes('not sorted') }
      t.throws(() => readToken(claim(allowed.toReversed()), keys, options), reversed)
      const doubled = { message: includes('duplicates') }
      t.throws(() => readToken(claim([...allowed, ...allowed.slice(-1)]), keys, options), doubled)
    }),
    { numRuns: 50 },
  )
})

test('readToken refuses any x-hasura claim that is not a string', (t) => {
  const value = fc.jsonValue().filter((found) => typeof found !== 'string')
  fc.assert(
    fc.property(value, (found) => {
      const message = 'claims: x-hasura-extra is not a string'
      t.throws(() => readToken(withClaims({ 'x-hasura-extra': found }), keys, options), { message })
    }),
    { numRuns: 50 },
  )
})

const badArguments: [value: unknown, type: ArgumentType, date?: string][] = [
  ['7', 'Int'],
  [1.5, 'Int'],
  ['1.5', 'Float'],
  ['true', 'Boolean'],
  [7, 'String'],
  ['{1,2}', ['Int']],
  [['1', '2'], ['Int']],
  [7, 'Int', '2024-10-15'],
  ['x', 'Int', '2024-10-15'],
  ['{1,2}', ['Int'], '2024-10-15'],
]
test('Hasura v3 reads session variables as JSON from 2024-10-16 on, and scalars from text before that', (t) => {
  for (const [value, type, date] of badArguments)
    t.throws(() => readArgument(value, type, date), { message: /^v3: / }, JSON.stringify([value, type]))
  t.deepEqual(readArgument([[1], [2, 3]], [['Int']]), [[1], [2, 3]])
  for (const value of ['7', 7, { a: 1 }]) t.is(readArgument(value, 'Custom'), value)
  t.is(readArgument('7', 'Int', '2024-10-15'), 7)
  t.is(readArgument('true', 'Boolean', '2024-10-15'), true)
  t.is(readArgument('7', 'String', '2024-10-15'), '7')
})

test('readToken and readWebhook accept claims in JSON only from a Hasura v3', (t) => {
  const token = withClaims({ 'x-hasura-org-ids': [1, 2], 'x-hasura-org': { id: 7 } })
  t.throws(() => readToken(token, keys, options), { message: /org-ids is not a string/ })
  t.like(readToken(token, keys, { ...options, values: 'json' }).claims, {
    'x-hasura-org-ids': [1, 2] as never,
  })
  const body = answer({ 'x-hasura-org-id': 7 })
  t.throws(() => readWebhook(200, body, { now: 0 }), { message: /org-id is not a string/ })
  t.is(readWebhook(200, body, { now: 0, values: 'json' })?.get('x-hasura-org-id'), 7 as never)
  const number = answer({ 'X-Hasura-Role': 'user', 'Cache-Control': 60 })
  t.throws(() => readWebhook(200, number, { now: 0, values: 'json' }), { message: /Cache-Control is not/ })
})

const session = { 'X-Hasura-User-Id': '907f0dc7', 'X-Hasura-Role': 'user', 'Cache-Control': 'max-age=60' }
const answer = (change: JsonObject = {}) => JSON.stringify({ ...session, ...change })
const httpDate = (seconds: number) => new Date(seconds * 1000).toUTCString()

test('readWebhook returns the session variables by lower-case name', (t) => {
  const expected = new Map([
    ['x-hasura-user-id', '907f0dc7'],
    ['x-hasura-role', 'user'],
  ])
  t.deepEqual(readWebhook(200, answer()), expected)
  t.deepEqual(readWebhook(200, Buffer.from(answer()), { now, expires: now + 60 }), expected)
})

test('readWebhook returns null for 401 with any body', (t) => {
  t.is(readWebhook(401, ''), null)
  t.is(readWebhook(401, answer()), null)
})

test('readWebhook accepts an answer without an end, unless the credential expires', (t) => {
  const endless = answer({ 'Cache-Control': undefined })
  t.truthy(readWebhook(200, endless, { now }))
  t.throws(() => readWebhook(200, endless, { now, expires: now + 60 }), { message: /lasts until Infinity/ })
})

test('readWebhook accepts an Expires in the future, and lets Cache-Control win', (t) => {
  const limits = { now, expires: now + 60 }
  t.truthy(readWebhook(200, answer({ 'Cache-Control': undefined, Expires: httpDate(now + 60) }), limits))
  t.truthy(readWebhook(200, answer({ Expires: httpDate(now + 600) }), limits))
})

const badAnswers: [claim: string, body: string, message: string, options?: WebhookOptions][] = [
  ['an empty body', '', 'webhook: not JSON in UTF-8'],
  ['an array', '[]', 'webhook: not a JSON object'],
  [
    'an array value',
    answer({ 'X-Hasura-Allowed-Roles': ['user'] }),
    'webhook: X-Hasura-Allowed-Roles is not a string',
  ],
  ['a number', answer({ 'X-Hasura-User-Id': 7 }), 'webhook: X-Hasura-User-Id is not a string'],
  [
    'a Cache-Control that is a number',
    answer({ 'Cache-Control': 60 }),
    'webhook: Cache-Control is not a string',
  ],
  ['a missing role', answer({ 'X-Hasura-Role': undefined }), 'webhook: x-hasura-role is missing'],
  ['an empty role', answer({ 'X-Hasura-Role': '' }), 'webhook: x-hasura-role is empty'],
  [
    'two spellings of one name',
    answer({ 'x-hasura-role': 'admin' }),
    'webhook: x-hasura-role is there twice',
  ],
  ['a member without the prefix', answer({ id: '7' }), 'webhook: id is unknown to Hasura'],
  [
    'cache-control in lower case',
    answer({ 'cache-control': 'max-age=60' }),
    'webhook: cache-control is unknown to Hasura',
  ],
  ['expires in lower case', answer({ expires: httpDate(now + 60) }), 'webhook: expires is unknown to Hasura'],
  [
    'max-age=0',
    answer({ 'Cache-Control': 'max-age=0' }),
    'webhook: Cache-Control max-age=0 is not max-age=N',
  ],
  [
    'a negative max-age',
    answer({ 'Cache-Control': 'max-age=-1' }),
    'webhook: Cache-Control max-age=-1 is not',
  ],
  [
    'a fractional max-age',
    answer({ 'Cache-Control': 'max-age=1.5' }),
    'webhook: Cache-Control max-age=1.5 is not',
  ],
  ['no-store', answer({ 'Cache-Control': 'no-store' }), 'webhook: Cache-Control no-store is not max-age=N'],
  [
    'an ISO date',
    answer({ Expires: '2030-01-01T00:00:00Z' }),
    'Expires 2030-01-01T00:00:00Z is not an HTTP date',
  ],
  ['an invalid date', answer({ Expires: 'Invalid Date' }), 'webhook: Expires Invalid Date'],
  ['an Expires in the past', answer({ Expires: httpDate(now) }), 'is in the past', { now }],
  [
    'an answer that outlives the credential',
    answer(),
    `lasts until ${now + 60}, past`,
    { now, expires: now + 59 },
  ],
]
for (const [claim, body, message, known = { now: 0 }] of badAnswers) {
  test(`readWebhook refuses ${claim}`, (t) => {
    t.throws(() => readWebhook(200, body, known), { message: includes(message) })
  })
}

test('readWebhook refuses any status but 200 and 401', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 599 }), (status) => {
      fc.pre(status !== 200 && status !== 401)
      const message = `webhook: status ${status} is neither 200 nor 401`
      t.throws(() => readWebhook(status, answer()), { message })
    }),
  )
})

test('readWebhook refuses any member that is not a string', (t) => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      fc.pre(typeof value !== 'string')
      const message = 'webhook: X-Hasura-Extra is not a string'
      t.throws(() => readWebhook(200, answer({ 'X-Hasura-Extra': value })), { message })
    }),
  )
})

test('webhookGetHeaders forwards the credential, cookies and x-hasura headers, but not the common ones', (t) => {
  const headers = webhookGetHeaders({
    Authorization: 'Bearer a',
    cookie: 'a=b',
    'x-Hasura-Role': 'admin',
    'X-Forwarded-For': '10.0.0.1',
    HOST: 'hasura',
    'content-Type': 'text/plain',
    'user-agent': 'curl',
    Origin: 'https://app',
    'Cache-Control': 'no-cache',
    'Accept-Charset': 'utf-8',
  })
  const { 'User-Agent': agent, ...rest } = headers
  t.regex(agent ?? '', /^hasura-graphql-engine\//)
  t.deepEqual(rest, {
    Authorization: 'Bearer a',
    cookie: 'a=b',
    'x-Hasura-Role': 'admin',
    'X-Forwarded-For': '10.0.0.1',
    'Accept-Charset': 'utf-8',
    'Content-Type': 'application/json',
  })
})

test("webhookPostBody sends all headers in the client's case, and the request or null", (t) => {
  const client = { AUTHORIZATION: 'Bearer a', 'x-hasura-Role': 'admin', Host: 'hasura' }
  const query = { operationName: 'Me', query: 'query Me { user { id } }', variables: { id: 1 } }
  t.deepEqual(JSON.parse(webhookPostBody(client, query)), { headers: client, request: query })
  t.deepEqual(JSON.parse(webhookPostBody(client)), { headers: client, request: null })
})
