import fc from 'fast-check'
import {
  createHasuraClaims,
  createNamespace,
  type Grants,
  isRoleName,
  type RoleRules,
} from '../../src/claims/hasura-claims.ts'
import type { HasuraClaims } from '../../src/context.ts'
import { createAccessTokens } from '../../src/tokens/access-token.ts'
import { createSigningKeys, generateSigningKey } from '../../src/tokens/keyring.ts'
import { readJwks, readToken } from '../_hasura.ts'
import { rounds } from '../_rounds.ts'
import test from '../_test.ts'

const reserved = ['role', 'user-id', 'allowed-roles', 'default-role']

const text = fc.string({ unit: 'binary' })
const role = fc.oneof(text, fc.constantFrom('', 'admin', 'user', 'editor', 'Admin', ' admin', 'a\nb'))
const claimName = fc.oneof(
  fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,20}$/),
  text,
  fc.constantFrom(...reserved, 'Role', 'role ', 'x-hasura-role', '__proto__', 'constructor', 'org-id'),
)
const grants: fc.Arbitrary<Grants> = fc.record({
  userId: fc.uuid(),
  defaultRole: fc.oneof(fc.constant(null), role),
  roles: fc.array(role),
  extraClaims: fc.dictionary(
    claimName,
    fc.jsonValue().map((value) => JSON.stringify(value)),
  ),
})
const rules: fc.Arbitrary<RoleRules> = fc.record({
  defaultRole: fc.oneof(text, fc.constantFrom('user')).filter((name) => isRoleName(name) && name !== 'admin'),
  allowAdmin: fc.boolean(),
})

const property = (hold: (grants: Grants, rules: RoleRules) => void) =>
  fc.assert(fc.property(grants, rules, hold), { numRuns: rounds(100, 300) })

/** Returns the claims that Hasura reads under the namespace. */
function namespaceOf(claims: HasuraClaims): Record<string, unknown> {
  const settings = { claimsNamespace: 'ns', claimsFormat: 'json' as const }
  return createNamespace(claims, settings).ns as Record<string, unknown>
}

test('allowed roles are the granted roles and the default roles, sorted by code unit, each once', (t) => {
  property((granted, { defaultRole: everybodys, allowAdmin }) => {
    const { allowedRoles, defaultRole } = createHasuraClaims(granted, { defaultRole: everybodys, allowAdmin })
    const mayBe = (name: string | null): name is string =>
      name !== null && isRoleName(name) && (name !== 'admin' || allowAdmin)
    const expected = new Set([...granted.roles, granted.defaultRole, everybodys].filter(mayBe))
    t.deepEqual(allowedRoles, [...expected].sort())
    t.is(defaultRole, mayBe(granted.defaultRole) ? granted.defaultRole : everybodys)
    t.true(allowedRoles.includes(defaultRole))
  })
})

test('a role called admin is left out and listed in leftOut, unless it is allowed', (t) => {
  property((granted, { defaultRole }) => {
    const withAdmin = { ...granted, roles: [...granted.roles, 'admin'] }
    const closed = createHasuraClaims(withAdmin, { defaultRole, allowAdmin: false })
    t.false(closed.allowedRoles.includes('admin'))
    t.true(closed.leftOut.includes('role "admin"'))
    t.true(createHasuraClaims(withAdmin, { defaultRole, allowAdmin: true }).allowedRoles.includes('admin'))
  })
})

test('a role that no header can carry is left out and listed in leftOut; other characters are UTF-8', (t) => {
  const carried = (bytes: Buffer) => bytes.every((byte) => byte >= 0x20 && byte !== 0x7f)
  property((granted, given) => {
    const { allowedRoles, leftOut } = createHasuraClaims(granted, given)
    for (const name of allowedRoles) {
      t.true(name !== '' && name.trim() === name)
      t.true(carried(Buffer.from(name)))
    }
    for (const name of granted.roles.filter((each) => !isRoleName(each)))
      t.true(leftOut.includes(`role ${JSON.stringify(name)}`))
  })
  for (const name of [' editor', 'editor\t', 'edi\rtor', 'edi\0tor', '\u00a0editor', 'editor\u0085']) {
    const grants = { userId: 'u', defaultRole: name, roles: [name], extraClaims: {} }
    const claims = createHasuraClaims(grants, { defaultRole: 'user', allowAdmin: false })
    t.deepEqual([claims.allowedRoles, claims.defaultRole], [['user'], 'user'])
    t.deepEqual([...new Set(claims.leftOut)], [`role ${JSON.stringify(name)}`])
  }
  for (const name of ['chef de rôle', '役', 'a,b', 'a"b']) t.true(isRoleName(name))
})

test('extra claims are text under lower-case names; reserved and invalid names are left out and listed in leftOut', (t) => {
  property((granted, given) => {
    const { extra, leftOut } = createHasuraClaims(granted, given)
    for (const [name, value] of Object.entries(extra)) {
      t.regex(name, /^x-hasura-[a-z0-9][a-z0-9_-]*$/)
      t.is(typeof value, 'string')
      t.false(reserved.includes(name.slice('x-hasura-'.length)))
    }
    for (const [name, value] of Object.entries(granted.extraClaims)) {
      const found = Object.hasOwn(extra, `x-hasura-${name}`)
      const named = leftOut.includes(`claim ${JSON.stringify(name)}`)
      t.is(Number(found) + Number(named), value === 'null' ? 0 : 1, JSON.stringify(name))
    }
  })
})

test('no grant can override the user id and the roles', (t) => {
  property((granted, given) => {
    const forged = Object.fromEntries(reserved.map((name) => [name, '"forged"']))
    const claims = createHasuraClaims(
      { ...granted, extraClaims: { ...granted.extraClaims, ...forged } },
      given,
    )
    const namespace = namespaceOf(claims)
    t.is(namespace['x-hasura-user-id'], granted.userId)
    t.deepEqual(namespace['x-hasura-allowed-roles'], claims.allowedRoles)
    t.is(namespace['x-hasura-default-role'], claims.defaultRole)
    t.false('x-hasura-role' in namespace)
  })
})

test('the same grants give the same claims, in any order', (t) => {
  property((granted, given) => {
    const reversed = {
      ...granted,
      roles: granted.roles.toReversed(),
      extraClaims: Object.fromEntries(Object.entries(granted.extraClaims).toReversed()),
    }
    const written = (some: Grants) => JSON.stringify(namespaceOf(createHasuraClaims(some, given)))
    t.is(written(reversed), written(granted))
  })
})

for (const claimsFormat of ['json', 'stringified_json'] as const) {
  test(`Hasura accepts the token of any grants, with claims as ${claimsFormat}`, async (t) => {
    const signing = createSigningKeys(await generateSigningKey(2048))
    const keys = readJwks(signing.jwks)
    const settings = { issuer: 'https://auth.test', audience: 'hasura', accessTokenLifetime: 900 }
    const claimsNamespace = 'https://hasura.io/jwt/claims'
    const tokens = createAccessTokens(signing, { ...settings, claimsNamespace, claimsFormat })
    const now = new Date(1_800_000_000_000)
    const run = async (granted: Grants, given: RoleRules, username: string, sessionId: string) => {
      const claims = createHasuraClaims(granted, given)
      const sessionExpiresAt = new Date(now.getTime() + 60_000)
      const authTime = new Date(now.getTime() - 30_500)
      const proof = { authTime, amr: ['pwd'], level: 1 }
      const subject = { username, sessionId, sessionExpiresAt, ...proof, claims }
      const { token, expiresIn } = await tokens.sign(subject, sessionId, now)
      t.is(expiresIn, 60)
      const reading = { ...settings, now: now.getTime() / 1000, format: claimsFormat }
      const read = readToken(token, keys, reading)
      t.deepEqual<Record<string, unknown>, Record<string, unknown>>(read.claims, namespaceOf(claims))
      t.is(read.payload.name, username)
      t.deepEqual(await tokens.verify(token, now), {
        userId: granted.userId,
        sessionId,
        expiresAt: reading.now + 60,
        authTime: reading.now - 31,
      })
    }
    const names = text.filter((name) => name !== '')
    await fc.assert(fc.asyncProperty(grants, rules, names, fc.uuid(), run), { numRuns: rounds(40, 100) })
  })
}
