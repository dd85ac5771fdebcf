import { readFileSync } from 'node:fs'
import {
  checkClock,
  checkConfiguration,
  checkKeys,
  checkProviders,
  checkSecrets,
  checkWarnings,
} from '../../src/doctor/deployment.ts'
import { checkPublicUrl, checkWebhook } from '../../src/doctor/gateway.ts'
import { checkAnonymousV3, checkAuthConfig, isGraphql } from '../../src/doctor/hasura-v3.ts'
import { checkJwks, findProblem } from '../../src/doctor/jwks.ts'
import { checkExposed, checkRoles, findExposed, findRoles } from '../../src/doctor/permissions.ts'
import { checkAnonymous, checkClaims, checkToken } from '../../src/doctor/token.ts'
import { root } from '../_app.ts'
import test from '../_test.ts'

const page = (status: number, body: unknown, headers: Record<string, string> = {}) => ({
  status,
  text: typeof body === 'string' ? body : JSON.stringify(body),
  headers: new Headers(headers),
})

test('every secret with a value in docker-compose.yml is recognised as a trial value', (t) => {
  const compose = readFileSync(new URL('docker-compose.yml', root), 'utf8')
  const values = new Map(
    [...compose.matchAll(/\$\{(\w*(?:SECRET|PASSWORD)):-([^}]+)\}/g)].map(([, name, value]) => [name, value]),
  )
  t.is(values.size, 3)
  for (const [name = '', value] of values)
    t.is(checkSecrets({ [name]: value }, 'https://auth.example.com').status, 'failed', name)
})

test('trial secrets are accepted on one machine only', (t) => {
  const trial = { AUTH_SECRET: 'trial-secret', DATABASE_URL: null }
  t.is(checkSecrets(trial, 'http://localhost:8080').status, 'ok')
  const check = checkSecrets(trial, 'http://192.168.1.5:8080')
  t.is(check.status, 'failed')
  t.regex(check.detail, /AUTH_SECRET$/)
  t.is(checkSecrets({ AUTH_SECRET: 'x', DATABASE_URL: undefined }, 'https://a.test').status, 'ok')
})

test('a variable that does not exist fails', (t) => {
  t.is(checkConfiguration([]).status, 'ok')
  t.like(checkConfiguration(['AUTH_SERCET']), { status: 'failed', detail: 'no such variable: AUTH_SERCET' })
})

test('every warning of the start is a check of its own, with a cure', (t) => {
  t.deepEqual(checkWarnings([]), [{ name: 'warnings', status: 'ok', detail: 'none' }])
  const warning = { name: 'NODE_ENV', detail: 'is not production', cure: 'set it' }
  t.deepEqual(checkWarnings([warning]), [{ ...warning, status: 'warning' }])
})

test('the clocks may differ by five seconds', (t) => {
  t.is(checkClock(5).status, 'ok')
  t.is(checkClock(-5).status, 'ok')
  t.like(checkClock(-6), { status: 'failed', detail: 'the database is 6.0 s ahead of this machine' })
  t.like(checkClock(60), { status: 'failed', detail: 'the database is 60.0 s behind this machine' })
})

test('AUTH_SECRET must decrypt an active and a next key, and need not decrypt a retiring one', (t) => {
  const active = { kid: 'a', state: 'active', opens: true } as const
  const retiring = { kid: 'r', state: 'retiring', opens: false } as const
  const next = { kid: 'n', state: 'next', opens: false } as const
  t.is(checkKeys([retiring, active], null).status, 'ok')
  t.like(checkKeys([active, next], null), { status: 'failed', detail: 'AUTH_SECRET does not decrypt next n' })
  t.is(checkKeys([retiring], null).status, 'failed')
  t.is(checkKeys([retiring], 'own').status, 'ok')
  t.is(checkKeys([], null).status, 'skipped')
})

test('a provider check shows the callback URL, which must be https unless its host is this machine', (t) => {
  const provider = { label: 'GitHub', isConfigured: true }
  const check = (callbackUrl: string, isConfigured = true) =>
    checkProviders([{ ...provider, callbackUrl, isConfigured }])[0]
  t.like(check('https://a.test/auth/github/callback'), {
    status: 'ok',
    detail: 'the callback URL to register is https://a.test/auth/github/callback',
  })
  t.is(check('http://localhost:8080/auth/github/callback')?.status, 'ok')
  t.is(check('http://a.test/auth/github/callback')?.status, 'failed')
  t.deepEqual(check('http://a.test/auth/github/callback', false), {
    name: 'other providers',
    status: 'skipped',
    detail: 'without variables: GitHub',
  })
})

test('the public URL must answer without a redirect', (t) => {
  const check = (answer: Parameters<typeof checkPublicUrl>[1]) => checkPublicUrl('https://a.test', answer)
  t.is(check(page(200, { status: 'ok' })).status, 'ok')
  for (const other of ['<html>', 'OK', '{}'])
    t.like(check(page(200, other)), {
      status: 'failed',
      detail: 'the answer of https://a.test does not come from the gateway',
    })
  t.regex(
    check(page(301, '', { Location: 'https://www.a.test/' })).detail,
    /is a redirect to https:\/\/www\.a\.test\//,
  )
  t.is(check(page(502, '<html>')).status, 'failed')
  t.like(check('cannot be reached (ECONNREFUSED)'), { status: 'failed' })
})

const key = {
  kty: 'RSA',
  use: 'sig',
  alg: 'RS256',
  kid: 'k',
  n: Buffer.alloc(256, 0x87).toString('base64url'),
  e: 'AQAB',
}
const refused: [string, object | null, RegExp][] = [
  [
    'a leading zero byte',
    { ...key, n: Buffer.concat([Buffer.alloc(1), Buffer.alloc(256, 7)]).toString('base64url') },
    /n begins with a zero byte/,
  ],
  ['padding', { ...key, e: 'AQAB==' }, /e is not base64url without padding/],
  ['base64 instead of base64url', { ...key, n: 'a+b/' }, /n is not base64url/],
  ['an unknown use', { ...key, use: 'verify' }, /use is "verify", not "sig"/],
  ['an unknown alg', { ...key, alg: 'RSA' }, /alg is "RSA", not "RS256"/],
  ['an unknown kty', { ...key, kty: 'rsa' }, /kty is "rsa", not "RSA"/],
  ['no alg', { ...key, alg: undefined }, /alg is undefined, not "RS256"/],
  ['a kid that is a number', { ...key, kid: 7 }, /kid is not a string/],
  ['a missing modulus', { ...key, n: undefined }, /n is not base64url/],
  ['key_ops', { ...key, key_ops: ['verify'] }, /key_ops is not a member that the gateway publishes/],
  ['x5t', { ...key, x5t: 'AAAA' }, /x5t is not a member/],
  [
    '2047 bits',
    { ...key, n: Buffer.alloc(256, 0x7f).toString('base64url') },
    /n has 2047 bits, fewer than 2048/,
  ],
  [
    'an elliptic curve',
    { kty: 'EC', use: 'sig', alg: 'ES256', kid: 'k', crv: 'P-256', x: 'AA', y: 'AA' },
    /kty is "EC", not "RSA"/,
  ],
  ['null', null, /kty is undefined/],
]
for (const [what, bad, problem] of refused) {
  test(`/jwks fails with ${what} in one of its keys`, (t) => {
    t.regex(findProblem(JSON.stringify({ keys: [key, bad] })) ?? '', problem)
  })
}

test('/jwks with a private key fails with a cure of its own', (t) => {
  const shown = page(200, { keys: [{ ...key, d: 'AQAB' }] }, { 'Cache-Control': 'max-age=300' })
  const check = checkJwks(shown, 'k')
  t.regex(check.detail, /keys\[0\]\.d is the private key/)
  t.regex(
    (check as { cure: string }).cure,
    /^stop the server that publishes it, and replace the key: run claimgate keys rotate/,
  )
})

test('a page without an answer fails when the gateway is reached', (t) => {
  const late = 'did not answer within 5 s'
  const yes = page(200, { 'X-Hasura-Role': 'anonymous' })
  t.like(checkJwks(late, 'k'), { status: 'failed', detail: '/jwks did not answer within 5 s' })
  t.like(checkWebhook(late, page(401, ''), 'anonymous'), { status: 'failed', detail: `/webhook ${late}` })
  t.like(checkWebhook(yes, late, 'anonymous'), { status: 'failed', detail: `/webhook ${late}` })
})

test('/jwks fails when Hasura would fetch it every second or only once, and without the signing key', (t) => {
  const check = (control: string, kid: string | null | undefined) =>
    checkJwks(page(200, { keys: [key] }, control ? { 'Cache-Control': control } : {}), kid)
  t.is(check('public, max-age=300', 'k').status, 'ok')
  t.regex(check('no-store', 'k').detail, /every second/)
  t.regex(check('', 'k').detail, /never fetches a new key/)
  t.regex(check('max-age=300', 'other').detail, /lacks the signing key other$/)
  t.regex(check('max-age=300', null).detail, /the database of this command has none/)
  t.is(check('max-age=300', undefined).status, 'ok')
  for (const text of ['<html>', '{}', '{"keys":[]}', 'null'])
    t.is(checkJwks(page(200, text), undefined).status, 'failed', text)
  t.regex(checkJwks(page(503, ''), undefined).detail, /status 503/)
})

test('the webhook must answer with strings and the anonymous role, and with 401 for a forged token', (t) => {
  const [no, yes] = [page(401, ''), page(200, { 'X-Hasura-Role': 'anonymous' })]
  t.is(checkWebhook(yes, no, 'anonymous').status, 'ok')
  t.is(checkWebhook(no, no, null).status, 'ok')
  t.is(checkWebhook(yes, no, null).status, 'failed')
  t.is(checkWebhook(no, no, 'anonymous').status, 'failed')
  t.is(checkWebhook(yes, yes, 'anonymous').status, 'failed')
  t.is(checkWebhook(yes, page(403, ''), 'anonymous').status, 'failed')
  for (const body of [{ 'X-Hasura-Role': ['anonymous'] }, { 'X-Hasura-Role': 'admin' }, {}, 'null', '<html>'])
    t.is(checkWebhook(page(200, body), no, 'anonymous').status, 'failed')
})

test('the webhook must reject requests without its secret, and take the secret of this environment', (t) => {
  const anonymous = page(200, { 'X-Hasura-Role': 'anonymous' })
  const forged = page(401, { code: 'invalid_token' })
  const stranger = page(401, { code: 'invalid_webhook_secret' })
  t.is(checkWebhook(anonymous, forged, 'anonymous', stranger).status, 'ok')
  t.regex(checkWebhook(anonymous, forged, 'anonymous', anonymous).detail, /without AUTH_WEBHOOK_SECRET/)
  t.regex(checkWebhook(stranger, stranger, 'anonymous', stranger).detail, /rejects the secret/)
  t.regex(checkWebhook(stranger, stranger, null).detail, /rejects the secret/)
  t.is(checkWebhook(anonymous, forged, 'anonymous', 'gave no answer').status, 'failed')
})

test('roles are found in every part of the metadata that has permissions', (t) => {
  const metadata = {
    sources: [
      {
        tables: [
          {
            select_permissions: [
              { role: 'a', permission: { filter: { role: { _eq: 'not this' } } } },
              { role: 'admin' },
            ],
          },
          { delete_permissions: [{ role: 'b' }] },
        ],
        functions: [{ permissions: [{ role: 'c' }] }],
      },
    ],
    remote_schemas: [{ permissions: [{ role: 'd' }] }],
    actions: [{ permissions: [{ role: 'e' }] }],
    inherited_roles: [{ role_name: 'f', role_set: ['a', 'b'] }],
  }
  t.deepEqual([...findRoles(metadata)], ['a', 'b', 'c', 'd', 'e', 'f'])
})

test('a role that exists only here, or only in Hasura, fails', (t) => {
  const check = (known: string[], used: string[]) => checkRoles(known, new Set(used), 'anonymous')
  t.deepEqual(
    check(['user', 'admin'], ['user', 'anonymous']).map(({ status }) => status),
    ['ok', 'ok'],
  )
  const [here, there] = check(['user', 'editor'], ['user', 'writer'])
  t.like(here, {
    status: 'failed',
    detail: 'without a permission in Hasura, so users see nothing in these roles: editor',
  })
  t.like(there, { status: 'failed', detail: 'roles with permissions that no user can have: writer' })
})

const answer = (message: string, code = 'invalid-jwt') => ({
  status: 200,
  body: { errors: [{ message, extensions: { code } }] },
})
const accepted = { status: 200, body: { data: { __typename: 'query_root' } } }
const unauthorized = answer('Authentication hook unauthorized this request', 'access-denied')
const brokenHooks = [
  'webhook authentication request failed',
  'Invalid response from authorization hook',
  "Invalid response from authorization hook: Error in $['x-hasura-allowed-roles']: expected String",
].map((message) => answer(message, 'unexpected'))
const wanted = { jwtSecret: '{"jwk_url":"…"}', hook: 'https://auth.test/webhook' }
const cureOf = (check: object) => (check as { cure: string }).cure

test('a token that Hasura rejects fails with the secret to set, or with the clock as the cure', (t) => {
  const check = (given: typeof accepted | typeof unauthorized) => checkToken(given, unauthorized, wanted)
  t.is(check(accepted).status, 'ok')
  for (const message of ['Could not verify JWT: JWTNotInIssuer', 'Could not verify JWT: JWTNotInAudience'])
    t.like(check(answer(message)), { status: 'failed', cure: 'set it to {"jwk_url":"…"}' })
  for (const message of ['Could not verify JWT: JWTIssuedAtFuture', 'Could not verify JWT: JWTExpired'])
    t.regex(cureOf(check(answer(message))), /^synchronise the clocks/)
  const notFound = { status: 404, body: { code: 'not-found', error: 'no' } }
  t.is(checkToken(notFound, notFound, wanted).status, 'failed')
  const broken = { status: 500, body: { errors: [{ message: 'Internal Server Error' }] } }
  for (const each of [checkToken(broken, broken, wanted), checkAnonymous(broken, 'anonymous', true, wanted)])
    t.like(each, { status: 'failed', detail: 'Hasura itself fails: 500 Internal Server Error' })
  const other = { status: 200, body: { data: {} } }
  t.is(checkToken(other, notFound, wanted).status, 'failed', 'data without __typename')
})

test('a Hasura without a JWT secret and without a webhook fails with the secret to set as the cure', (t) => {
  const closed = answer('x-hasura-admin-secret/x-hasura-access-key required, but not found', 'access-denied')
  const check = checkToken(closed, closed, wanted)
  t.like(check, { status: 'failed' })
  t.regex(check.detail, /^neither this variable nor HASURA_GRAPHQL_AUTH_HOOK is set/)
  t.regex(cureOf(check), /^set it to {"jwk_url":"…"}, or HASURA_GRAPHQL_AUTH_HOOK to https/)
})

test('a Hasura v3 is recognised by /graphql, and its AuthConfig by its answers', (t) => {
  t.true(isGraphql(accepted))
  t.true(isGraphql({ status: 400, body: { errors: [{ message: 'x' }] } }))
  for (const body of [null, 'x', { path: '$', error: 'resource does not exist', code: 'not-found' }])
    t.false(isGraphql({ status: 404, body }))

  const authConfig = {
    jwks: 'https://auth.test/jwks',
    hook: wanted.hook,
    issuer: 'https://auth.test',
    audience: 'a',
  }
  const refuse = (status: number, message: string) => ({ status, body: { errors: [{ message }] } })
  const check = (
    given: typeof accepted | ReturnType<typeof refuse>,
    spoiled = refuse(400, 'InvalidSignature'),
  ) => checkAuthConfig(given, spoiled, authConfig)
  t.is(check(accepted).status, 'ok')
  t.is(checkAuthConfig(accepted, accepted, authConfig).status, 'failed')
  t.regex(check(refuse(403, 'unauthorized')).detail, /webhook.*https:\/\/auth\.test\/webhook$/)
  t.regex(cureOf(check(refuse(400, 'ExpiredSignature'))), /^synchronise the clocks/)
  for (const other of [refuse(500, 'internal error'), refuse(400, 'InvalidIssuer')])
    t.like(check(other), {
      status: 'failed',
      cure: 'set jwkFromUrl: https://auth.test/jwks, issuer: https://auth.test, audience: [a], allowedSkew: 30',
    })
  const missingToken = refuse(400, 'missing header')
  t.is(checkAnonymousV3(missingToken, 'anonymous').status, 'skipped')
  t.is(checkAnonymousV3(missingToken, null).status, 'ok')
  t.is(checkAnonymousV3(accepted, 'anonymous').status, 'ok')
  t.is(checkAnonymousV3(accepted, null).status, 'failed')
})

test('a Hasura that also accepts a token with an invalid signature fails', (t) => {
  const check = checkToken(accepted, accepted, wanted)
  t.like(check, { status: 'failed' })
  t.regex(check.detail, /signatures are not checked/)
  t.regex(cureOf(check), /https:\/\/auth\.test\/webhook/)
})

test('a webhook that answers 401 is skipped; a webhook without an answer or with an invalid answer fails', (t) => {
  const check = checkToken(unauthorized, unauthorized, wanted)
  t.is(check.status, 'skipped')
  t.regex(check.detail, /HASURA_GRAPHQL_AUTH_HOOK must lead to https:\/\/auth\.test\/webhook$/)
  for (const broken of brokenHooks) {
    for (const found of [
      checkToken(broken, broken, wanted),
      checkAnonymous(broken, 'anonymous', false, wanted),
      checkAnonymous(broken, null, null, wanted),
    ]) {
      t.is(found.status, 'failed')
      t.regex(cureOf(found), /HASURA_GRAPHQL_AUTH_HOOK lead to https:\/\/auth\.test\/webhook/)
    }
  }
})

test('claims in JSON fail at Hasura v2, and claims in text are a warning at Hasura v3', (t) => {
  t.is(checkClaims('text', 2).status, 'ok')
  t.is(checkClaims('json', 3).status, 'ok')
  t.like(checkClaims('json', 2), { status: 'failed', cure: 'unset it, or set it to text' })
  t.like(checkClaims('text', 3), { status: 'warning' })
})

const missing = answer('Missing', 'invalid-headers')

test('permissions for a role that Hasura never gives fail', (t) => {
  t.is(checkAnonymous(accepted, 'anonymous', true, wanted).status, 'ok')
  t.is(checkAnonymous(missing, 'anonymous', false, wanted).status, 'ok')
  t.is(checkAnonymous(missing, null, true, wanted).status, 'ok')
  t.is(checkAnonymous(missing, 'anonymous', true, wanted).status, 'failed')
})

test('the check of requests without a token is skipped as long as the permissions are not read', (t) => {
  t.is(checkAnonymous(missing, 'anonymous', null, wanted).status, 'skipped')
  t.is(checkAnonymous(accepted, 'anonymous', null, wanted).status, 'ok')
})

test('a Hasura that answers requests without a token fails when AUTH_ANONYMOUS_ROLE is empty', (t) => {
  const check = checkAnonymous(accepted, null, null, wanted)
  t.is(check.status, 'failed')
  t.regex(cureOf(check), /AUTH_ANONYMOUS_ROLE/)
})

test('a webhook that rejects requests without a token fails when AUTH_ANONYMOUS_ROLE is set', (t) => {
  t.is(checkAnonymous(unauthorized, null, null, wanted).status, 'ok')
  const check = checkAnonymous(unauthorized, 'anonymous', false, wanted)
  t.is(check.status, 'failed')
  t.regex(cureOf(check), /HASURA_GRAPHQL_AUTH_HOOK/)
})

test('a permission that includes a secret column is found for every role and every kind of permission', (t) => {
  const columns = (role: string, columns?: unknown) => ({ role, permission: { columns } })
  const table = (name: string, more: object) => ({ table: { schema: 'public', name }, ...more })
  const metadata = {
    sources: [
      { tables: [{ table: ['not', 'ours'] }, 'nonsense'] },
      {
        tables: [
          table('user', {
            select_permissions: [columns('editor', ['id', 'password']), columns('user', ['id'])],
            update_permissions: [columns('helper', '*')],
          }),
          table('signing_key', { select_permissions: [columns('editor', '*')] }),
          table('note', { select_permissions: [columns('editor', '*'), columns('user')] }),
        ],
      },
    ],
  }
  const exposed = ['editor: signing_key.private_key', 'editor: user.password', 'helper: user.password']
  t.deepEqual(findExposed(metadata, 'public'), exposed)
  t.deepEqual(findExposed(metadata, null), exposed)
  t.deepEqual(findExposed(metadata, 'auth'), [])
  t.like(checkExposed(exposed), {
    status: 'failed',
    detail: `included in permissions: ${exposed.join(', ')}`,
  })
  for (const nothing of [{}, null, { sources: [] }])
    t.is(checkExposed(findExposed(nothing, null)).status, 'ok')
})
