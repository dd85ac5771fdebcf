import { describeTables, metadataRoles } from '../../src/hasura/metadata-tables.ts'
import test from '../_test.ts'
import { database } from './_database.ts'
import { checkPermission, checkRelationship } from './_metadata-rules.ts'

const tables = describeTables(metadataRoles)
const permission = (filter: object, columns = ['id']) => ({ columns, filter })

test('a permission with an unknown column, relationship or operator is rejected', (t) => {
  const check = (part: object) => () => checkPermission(database, tables, 'user_role', part)
  t.notThrows(check(permission({ _and: [{ user: { _not: { roles: { role: { name: { _eq: 'x' } } } } } }] })))
  t.throws(check(permission({}, ['rank'])), { message: /column "rank" does not exist in "user_role"/ })
  t.throws(check({ ...permission({}), set: { rank: 1 } }), { message: /column "rank"/ })
  t.throws(check({ check: { owner: { id: { _eq: 1 } } } }), {
    message: /"owner" does not exist in "user_role"/,
  })
  t.throws(check(permission({ user: { name: { _eq: 'x' } } })), {
    message: /"name" does not exist in "user"/,
  })
  t.throws(check(permission({ user_id: { _is: 1 } })), { message: /unexpected operator: "_is"/ })
})

test('a relationship without a foreign key of the table is rejected', (t) => {
  const using = (foreign_key_constraint_on: unknown) => ({ using: { foreign_key_constraint_on } })
  const many = using({ table: { schema: 'public', name: 'user_role' }, column: 'role_id' })
  t.notThrows(() => checkRelationship(database, 'role', many))
  t.throws(() => checkRelationship(database, 'user', many), { message: /no foreign constraint/ })
  t.throws(() => checkRelationship(database, 'user', using('email')), { message: /no foreign constraint/ })
})
