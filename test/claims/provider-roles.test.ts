import { type RoleMapping, readRoles } from '../../src/claims/provider-roles.ts'
import test from '../_test.ts'

const rolesOf = (claims: Record<string, unknown>, mapping: RoleMapping, allowAdmin = false) =>
  readRoles(claims, mapping, allowAdmin)

test('a claim is found by its name, else by its path, in whose names dots may be', (t) => {
  const claims = {
    groups: ['a'],
    'https://acme.example/roles': ['b'],
    'realm_access.roles': ['c'],
    realm_access: { roles: ['d'] },
    resource_access: { 'my.app': { roles: ['e'] }, my: { roles: ['f'] } },
  }
  const found = (claim: string) => rolesOf(claims, { claim })
  t.deepEqual(found('groups'), { roles: ['a'] })
  t.deepEqual(found('https://acme.example/roles'), { roles: ['b'] })
  t.deepEqual(found('realm_access.roles'), { roles: ['c'] })
  t.deepEqual(rolesOf({ realm_access: claims.realm_access }, { claim: 'realm_access.roles' }), {
    roles: ['d'],
  })
  t.deepEqual(found('resource_access.my.app.roles'), { roles: ['e'] })
  t.deepEqual(found('resource_access.my.roles'), { roles: ['f'] })
})

test('a claim that is missing, null or inherited gives no roles', (t) => {
  for (const claims of [{}, { a: null }, { a: 'text' }, { a: [] }, { a: { c: ['x'] } }])
    t.deepEqual(rolesOf(claims, { claim: 'a.b' }), { roles: [] })
  t.deepEqual(rolesOf({}, { claim: 'constructor.name' }), { roles: [] })
  t.deepEqual(rolesOf({ groups: null }, { claim: 'groups' }), { roles: [] })
  t.deepEqual(rolesOf({ groups: [] }, { claim: 'groups' }), { roles: [] })
})

test('one text is one value, and any other shape is malformed', (t) => {
  t.deepEqual(rolesOf({ a: 'editor, author' }, { claim: 'a' }), { roles: ['editor, author'] })
  const tooMany = Array.from({ length: 2001 }, (_, n) => `role${n}`)
  for (const a of [true, 3, { editor: true }, ['editor', 3], [['editor']], [null], tooMany])
    t.deepEqual(rolesOf({ a }, { claim: 'a' }), { incomplete: 'malformed' })
  const most = tooMany.slice(1)
  t.deepEqual(rolesOf({ a: most }, { claim: 'a' }), { roles: most })
})

test('without a list a value is the name of a role, except admin and names that no header can carry', (t) => {
  const values = ['editor', 'editor', 'admin', '', ' author', 'a\u0000b', 'x'.repeat(256), 'Rôle']
  for (const allowAdmin of [false, true])
    t.deepEqual(rolesOf({ a: values }, { claim: 'a' }, allowAdmin), { roles: ['editor', 'Rôle'] })
})

test('with a list only its values count, each for all its roles, and admin with AUTH_ALLOW_ADMIN_ROLE', (t) => {
  const roles = new Map([
    ['CN=Staff,OU=Groups', ['editor', 'author']],
    ['ops', ['admin', 'editor']],
  ])
  const read = (a: unknown, allowAdmin = false) => rolesOf({ a }, { claim: 'a', roles }, allowAdmin)
  t.deepEqual(read(['CN=Staff,OU=Groups', 'author', 'manager']), { roles: ['editor', 'author'] })
  t.deepEqual(read(['ops']), { roles: ['editor'] })
  t.deepEqual(read(['ops', 'CN=Staff,OU=Groups'], true), { roles: ['admin', 'editor', 'author'] })
  t.deepEqual(read(['admin'], true), { roles: [] })
})

test('a marker that the claim was too long makes it incomplete, and one of another claim does not', (t) => {
  const named = {
    _claim_names: { groups: 'src1' },
    _claim_sources: { src1: { endpoint: 'https://graph.test' } },
  }
  for (const claims of [named, { ...named, groups: ['a'] }, { hasgroups: true }, { hasgroups: 'true' }])
    t.deepEqual(rolesOf(claims, { claim: 'groups' }), { incomplete: 'overage' })
  t.deepEqual(rolesOf(named, { claim: 'groups.names' }), { incomplete: 'overage' })
  for (const claims of [named, { hasgroups: true }])
    t.deepEqual(rolesOf({ ...claims, roles: ['editor'] }, { claim: 'roles' }), { roles: ['editor'] })
  for (const claims of [{ _claim_names: 'groups' }, { hasgroups: false }, { _claim_names: null }])
    t.deepEqual(rolesOf(claims, { claim: 'groups' }), { roles: [] })
})
