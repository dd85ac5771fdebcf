import { findExcessiveCost, isPasswordHash } from '../../src/authentication/password-hash-format.ts'
import { createCandidate, type ImportRules } from '../../src/import/candidate.ts'
import type { SourceUser } from '../../src/import/read-users.ts'
import test from '../_test.ts'

const rules: ImportRules = {
  defaultRole: 'user',
  isRoleChosen: false,
  inactiveWithSecondFactor: false,
  refuseUsername: (name) => (name.startsWith(' ') ? 'begins with white space' : null),
  isPasswordHash,
  findExcessiveCost,
}

const bcryptHash = `$2b$10$${'x'.repeat(53)}`
const argon2Hash = `$argon2id$v=19$m=19456,t=2,p=1$${'a'.repeat(22)}$${'b'.repeat(43)}`

const source = (changes: Partial<SourceUser>): SourceUser => ({
  id: '11111111-1111-4111-8111-111111111111',
  username: null,
  password: null,
  email: 'ada@example.com',
  emailVerified: true,
  active: true,
  anonymous: false,
  defaultRole: null,
  createdAt: null,
  secondFactor: null,
  roles: [],
  identities: [],
  ...changes,
})

const candidate = (changes: Partial<SourceUser>, changedRules: Partial<ImportRules> = {}) => {
  const { user, problems } = createCandidate(source(changes), { ...rules, ...changedRules })
  return { user, codes: problems.map(({ code }) => code), problems }
}

test('the username is the username, else the e-mail address, else provider and subject', (t) => {
  const identities = [
    { provider: 'github', subject: '7' },
    { provider: 'google', subject: '8' },
  ]
  t.is(candidate({ username: 'ada', identities }).user?.username, 'ada')
  t.is(candidate({ identities }).user?.username, 'ada@example.com')
  t.is(candidate({ email: null, identities }).user?.username, 'github-7')
  t.is(candidate({ email: '', identities }).user?.username, 'github-7')
})

test('a user without username, e-mail address and identity is left out', (t) => {
  t.like(candidate({ email: null }), { user: null, codes: ['no_username'] })
})

test('a user with an invalid username is left out, and the report has the reason', (t) => {
  const { user, problems } = candidate({ username: ' ada' })
  t.is(user, null)
  t.like(problems[0], { code: 'invalid_username', username: ' ada', detail: 'begins with white space' })
})

for (const hash of [bcryptHash, bcryptHash.replace('b', 'a'), bcryptHash.replace('b', 'y'), argon2Hash]) {
  test(`a hash that begins with ${hash.slice(0, 9)} is imported unchanged`, (t) => {
    t.like(candidate({ password: hash }), { user: { password: hash }, codes: [] })
  })
}

const unknown = {
  'truncated bcrypt': bcryptHash.slice(0, -1),
  'bcrypt of an impossible cost': bcryptHash.replace('$10$', '$99$'),
  'bcrypt with a character before it': `x${bcryptHash}`,
  'argon2 of an unknown type': argon2Hash.replace('argon2id', 'argon2x'),
  scrypt: '$scrypt$n=32768,r=8,p=1$abc$def',
  MD5: '5f4dcc3b5aa765d61d8327deb882cf99',
}
for (const [name, hash] of Object.entries(unknown)) {
  test(`${name} is imported without a password, and the report does not show the hash`, (t) => {
    const { user, codes, problems } = candidate({ password: hash })
    t.is(user?.password, null)
    t.deepEqual(codes, ['unknown_hash'])
    t.false(JSON.stringify(problems).includes(hash))
  })
}

const costly = {
  'bcrypt cost 26, at most 15': bcryptHash.replace('$10$', '$26$'),
  'argon2id m=1048576, at most 131072': argon2Hash.replace('m=19456', 'm=1048576'),
  'argon2id t=17, at most 16': argon2Hash.replace('t=2', 't=17'),
  'argon2id p=17, at most 16': argon2Hash.replace('p=1$', 'p=17$'),
}
for (const [detail, hash] of Object.entries(costly)) {
  test(`a hash with ${detail}, is imported without a password`, (t) => {
    const { user, codes, problems } = candidate({ password: hash })
    t.is(user?.password, null)
    t.deepEqual(codes, ['costly_hash'])
    t.is(problems[0]?.detail, detail)
  })
}

test('hashes with the costs of other programs are imported', (t) => {
  // Django and argon2-cffi.
  for (const costs of ['m=102400,t=2,p=8', 'm=65536,t=3,p=4'])
    t.deepEqual(candidate({ password: argon2Hash.replace('m=19456,t=2,p=1', costs) }).codes, [])
  t.deepEqual(candidate({ password: bcryptHash.replace('$10$', '$15$') }).codes, [])
})

test('a missing password and an empty password are imported without a problem', (t) => {
  for (const password of [null, '']) t.like(candidate({ password }), { user: { password: null }, codes: [] })
})

test('AUTH_DEFAULT_ROLE gets no row, and every other role gets one', (t) => {
  const roles = ['user', 'me', 'anonymous', 'admin', 'me']
  t.deepEqual(candidate({ roles }).user?.roles, ['me', 'anonymous', 'admin'])
  t.deepEqual(candidate({ roles }, { defaultRole: 'member' }).user?.roles, [
    'user',
    'me',
    'anonymous',
    'admin',
  ])
})

test('admin of a program without roles of Hasura is named, and is not granted, not even as the default role', (t) => {
  const foreign = { isForeign: true, knownRoles: new Set(['admin', 'editor']) }
  for (const knownRoles of [foreign.knownRoles, null]) {
    const { user, codes } = candidate(
      { roles: ['admin', 'editor'], defaultRole: 'admin', password: bcryptHash },
      { ...foreign, knownRoles },
    )
    t.deepEqual(user?.roles, ['editor'])
    t.is(user?.defaultRole, null)
    t.deepEqual(codes, ['admin_role'])
  }
})

test('the default role of a user is kept unless it is AUTH_DEFAULT_ROLE', (t) => {
  t.is(candidate({ defaultRole: 'user' }).user?.defaultRole, null)
  t.is(candidate({ defaultRole: 'user' }, { defaultRole: 'member' }).user?.defaultRole, 'user')
})

test('roles with a name that is empty, too long or not for a header are reported and left out', (t) => {
  const bad = ['', 'r'.repeat(256), ' editor', 'editor ', 'edi\ntor', 'editor\u007f']
  const { user, codes } = candidate({ roles: [...bad, 'editor', 'chef de rôle'], defaultRole: '' })
  t.deepEqual(user?.roles, ['editor', 'chef de rôle'])
  t.deepEqual(
    codes,
    bad.map(() => 'invalid_role'),
  )
  for (const defaultRole of bad) t.is(candidate({ defaultRole }).user?.defaultRole, null)
})

test('identities without a subject are reported and left out', (t) => {
  const subjects = ['', 'undefined', 'null', '12']
  const { user, codes } = candidate({
    identities: subjects.map((subject) => ({ provider: 'github', subject })),
  })
  t.deepEqual(user?.identities, [{ provider: 'github', subject: '12' }])
  t.deepEqual(codes, ['invalid_identity', 'invalid_identity', 'invalid_identity'])
})

test('a user whose roles lack AUTH_DEFAULT_ROLE gets it, which is a change with the role', (t) => {
  const changesOf = (changes: Partial<SourceUser>, changed: Partial<ImportRules> = {}) =>
    createCandidate(source(changes), { ...rules, ...changed }).changes.map(({ code, detail }) => [
      code,
      detail,
    ])
  t.deepEqual(changesOf({ defaultRole: 'driver' }), [['role_added', 'user']])
  t.deepEqual(changesOf({ roles: ['driver'] }), [['role_added', 'user']])
  t.deepEqual(changesOf({ roles: ['driver', 'user'], defaultRole: 'driver' }), [])
  t.deepEqual(changesOf({ roles: ['driver'], defaultRole: 'user' }), [])
  // A source without roles has nothing to compare.
  t.deepEqual(changesOf({}), [])
  t.deepEqual(changesOf({ roles: ['user'] }, { defaultRole: 'member', isRoleChosen: true }), [
    ['role_chosen', 'member'],
  ])
})

test('a user with a second factor is weakened or inactive, and an inactive user stays so without a change', (t) => {
  const withFactor = (active: boolean, inactiveWithSecondFactor: boolean) => {
    const { user, changes } = createCandidate(source({ secondFactor: 'totp', active }), {
      ...rules,
      inactiveWithSecondFactor,
    })
    return [user?.active, changes.map(({ code, detail }) => `${code} ${detail}`)]
  }
  t.deepEqual(withFactor(true, false), [true, ['second_factor_lost totp']])
  t.deepEqual(withFactor(true, true), [false, ['inactive_chosen totp']])
  t.deepEqual(withFactor(false, false), [false, []])
  t.deepEqual(withFactor(false, true), [false, []])
})

test('a user with a password and an unverified address is admitted or inactive, where the source asks for a verified one', (t) => {
  const unverified = (changes: Partial<SourceUser>, inactiveUnverified = false) => {
    const given = source({ password: bcryptHash, emailVerified: false, mustVerify: true, ...changes })
    const { user, changes: found } = createCandidate(given, { ...rules, inactiveUnverified })
    return [user?.active, found.map(({ code, detail }) => `${code} ${detail}`)]
  }
  t.deepEqual(unverified({}), [true, ['unverified_admitted ada@example.com']])
  t.deepEqual(unverified({}, true), [false, ['inactive_chosen ada@example.com']])
  t.deepEqual(unverified({ emailVerified: true }, true), [true, []])
  t.deepEqual(unverified({ mustVerify: false }, true), [true, []])
  t.deepEqual(unverified({ password: null }, true), [true, []])
  t.deepEqual(unverified({ active: false }), [false, []])
})
