import { readdirSync, readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { createActionsYaml, toFiles, toYaml } from '../../scripts/metadata-files.ts'
import { permissionKinds } from '../../src/hasura/metadata-calls.ts'
import { describeTables, metadataRoles } from '../../src/hasura/metadata-tables.ts'
import { appTest, quick, root } from '../_app.ts'
import test from '../_test.ts'
import { database } from './_database.ts'
import { createJudge, type Row, type Rows } from './_permissions.ts'

const tables = describeTables(metadataRoles)
const folder = new URL('hasura/', root)

type Permission = { columns?: string[]; filter?: object; check?: object; set?: object }

/** Returns the permission of a role on a table; undefined without one. */
function permissionOf(table: string, kind: (typeof permissionKinds)[number], role: string) {
  const tracked = tables.find((each) => each.table.name === table)
  const found = tracked?.[`${kind}_permissions`]?.find((each) => each.role === role)
  return found?.permission as Permission | undefined
}

test('the files in hasura/ equal the generated files, and no other file of a table exists', (t) => {
  const files = toFiles(tables)
  for (const [path, text] of files) t.is(readFileSync(new URL(path, folder), 'utf8'), text, path)
  const there = readdirSync(new URL('metadata/databases/', folder), { recursive: true, encoding: 'utf8' })
  for (const path of there.filter((name) => name.endsWith('.yaml')))
    t.true(files.has(`metadata/databases/${path.replaceAll('\\', '/')}`), path)
})

test('bulk.json adds, and never replaces or drops', (t) => {
  const { type, args } = JSON.parse(readFileSync(new URL('bulk.json', folder), 'utf8'))
  t.is(type, 'bulk')
  t.true(args.length > 30)
  for (const call of args)
    t.regex(
      call.type,
      /^pg_(track_table|create_(object|array)_relationship|create_(insert|select|update|delete)_permission)$/,
    )
})

test('ambiguous strings are quoted in YAML', (t) => {
  const written = toYaml({
    a: ['yes', 'x y', '3', '0o7', ''],
    b: {},
    c: [],
    d: { e: 3, f: null, g: undefined },
    '!x': [[1], { y: 'z' }],
  })
  t.is(
    written,
    'a:\n  - "yes"\n  - x y\n  - "3"\n  - "0o7"\n  - ""\nb: {}\nc: []\nd:\n  e: 3\n  f: null\n"!x":\n  - - 1\n  - "y": z\n',
  )
})

test('a reader of YAML 1.1 and one of 1.2 read the same in every file', (t) => {
  const texts = [...toFiles(tables)].filter(([path]) => path.endsWith('.yaml'))
  t.true(texts.length > 5)
  for (const [path, text] of [...texts, ['actions.yaml', createActionsYaml()] as const])
    t.deepEqual(parse(text, { version: '1.1' }), parse(text, { version: '1.2' }), path)
  t.deepEqual(
    texts.filter(([path]) => /public_/.test(path)).map(([, text]) => parse(text)),
    JSON.parse(JSON.stringify(tables)),
  )
})

test(
  'every column and relationship in the metadata exists in the database',
  appTest({ engine: quick }, async (t, app) => {
    const rows = await app.sql<{ name: string }>(
      `SELECT table_name || '.' || column_name AS name FROM information_schema.columns WHERE table_schema = 'public'`,
    )
    const keys = await app.sql<{ name: string }>(
      `SELECT c.conrelid::regclass || '.' || a.attname AS name FROM pg_constraint c
     JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] WHERE c.contype = 'f'`,
    )
    const columns = new Set(rows.map(({ name }) => name))
    const foreign = new Set(keys.map(({ name }) => name.replaceAll('"', '')))
    for (const { table, object_relationships = [], array_relationships = [], ...tracked } of tables) {
      for (const kind of permissionKinds)
        for (const { permission } of tracked[`${kind}_permissions`] ?? [])
          for (const column of (permission as Permission).columns ?? [])
            t.true(columns.has(`${table.name}.${column}`), `${table.name}.${column}`)
      for (const { name, using } of object_relationships as { name: string; using: Row }[])
        t.true(foreign.has(`${table.name}.${using.foreign_key_constraint_on}`), `${table.name}.${name}`)
      for (const { name, using } of array_relationships as { name: string; using: Row }[]) {
        const to = using.foreign_key_constraint_on as { table: { name: string }; column: string }
        t.true(foreign.has(`${to.table.name}.${to.column}`), `${table.name}.${name}`)
      }
    }
    // The tables of the fake Hasura have all columns and foreign keys of the database.
    for (const [table, known] of Object.entries(database)) {
      const of = (names: Set<string>) => [...names].filter((name) => name.startsWith(`${table}.`)).sort()
      const named = (names: string[]) => names.map((name) => `${table}.${name}`).sort()
      t.deepEqual(named(known.columns), of(columns))
      t.deepEqual(named(Object.keys(known.references)), of(foreign))
    }
  }),
)

test('no permission exposes a secret, and no table with only secrets is tracked', (t) => {
  const secret = /password|private|hash|counter|secret|challenge|token|jwk/
  t.notRegex(JSON.stringify(tables), secret)
  for (const [path, text] of toFiles(tables)) t.notRegex(text, secret, path)
  t.notRegex(JSON.stringify(tables), /"columns":"\*"/)
  t.deepEqual(tables.map(({ table }) => table.name).sort(), [
    'identity',
    'role',
    'session',
    'user',
    'user_claim',
    'user_claims_version',
    'user_role',
  ])
})

test('the role user may write one column: revoked_at of a session', (t) => {
  const written = tables.flatMap(({ table: { name } }) =>
    (['insert', 'update', 'delete'] as const).flatMap((kind) => {
      const permission = permissionOf(name, kind, 'user')
      return permission ? [`${kind} ${name} ${permission.columns}`] : []
    }),
  )
  t.deepEqual(written, ['update session revoked_at'])
  t.deepEqual(permissionOf('session', 'update', 'user')?.set, { revoked_reason: 'user' })
})

const rows: Rows = {
  role: [
    { id: 'r-admin', name: 'admin' },
    { id: 'r-editor', name: 'editor' },
  ],
  user: [
    { id: 'alice', default_role_id: null, active: true },
    { id: 'bob', default_role_id: 'r-editor', active: true },
    { id: 'root', default_role_id: null, active: true },
    { id: 'toor', default_role_id: 'r-admin', active: true },
  ],
  user_role: [
    { id: '1', user_id: 'alice', role_id: 'r-editor' },
    { id: '2', user_id: 'root', role_id: 'r-admin' },
    { id: '3', user_id: 'root', role_id: 'r-editor' },
  ],
}
const may = createJudge(tables, rows, 'alice')
const living = { id: 's', user_id: 'alice', revoked_at: null }
const ended = { ...living, revoked_at: '2026-11-23' }

test('a user can only end their own sessions, and cannot reactivate a session', (t) => {
  const { filter, check } = permissionOf('session', 'update', 'user') ?? {}
  t.true(may('session', living, filter) && may('session', ended, check))
  t.false(may('session', { ...living, user_id: 'bob' }, filter))
  t.false(may('session', ended, filter), 'an ended session is out of reach')
  t.false(may('session', living, check), 'what is written has ended')
})

test('a user sees only their own rows and roles', (t) => {
  const sees = (table: string, row: Row) => may(table, row, permissionOf(table, 'select', 'user')?.filter)
  t.deepEqual(
    rows.user?.filter((row) => sees('user', row)).map(({ id }) => id),
    ['alice'],
  )
  t.deepEqual(
    rows.role?.filter((row) => sees('role', row)).map(({ id }) => id),
    ['r-editor'],
  )
  t.deepEqual(
    rows.user_role?.filter((row) => sees('user_role', row)).map(({ id }) => id),
    ['1'],
  )
  for (const table of ['identity', 'session', 'user_claims_version']) {
    t.true(sees(table, { user_id: 'alice' }))
    t.false(sees(table, { user_id: 'bob' }))
  }
  t.is(permissionOf('user_claim', 'select', 'user'), undefined)
})

test('a manager grants and revokes every role but admin', (t) => {
  const insert = permissionOf('user_role', 'insert', 'manager')
  const remove = permissionOf('user_role', 'delete', 'manager')
  for (const where of [insert?.check, remove?.filter]) {
    t.true(may('user_role', { user_id: 'bob', role_id: 'r-editor' }, where))
    t.false(may('user_role', { user_id: 'bob', role_id: 'r-admin' }, where))
    t.false(may('user_role', { user_id: 'bob', role_id: 'unknown' }, where))
    for (const user_id of ['root', 'toor', 'unknown'])
      t.false(may('user_role', { user_id, role_id: 'r-editor' }, where), `the roles of ${user_id}`)
  }
  t.is(permissionOf('user_role', 'update', 'manager'), undefined)
})

test('a manager creates roles, except admin and an empty name, and cannot rename a role', (t) => {
  const check = permissionOf('role', 'insert', 'manager')?.check
  t.true(may('role', { name: 'editor' }, check))
  for (const name of ['admin', '']) t.false(may('role', { name }, check), name)
  t.is(permissionOf('role', 'update', 'manager'), undefined)
})

test('a manager changes users, except admins, and cannot make a user an admin by the default role', (t) => {
  const { columns, filter, check } = permissionOf('user', 'update', 'manager') ?? {}
  t.deepEqual(columns, ['active', 'default_role_id'])
  t.deepEqual(
    rows.user?.filter((row) => may('user', row, filter)).map(({ id }) => id),
    ['alice', 'bob'],
  )
  t.true(may('user', { id: 'bob', default_role_id: null }, check))
  t.false(may('user', { id: 'bob', default_role_id: 'r-admin' }, check))
})

test('a manager sets claims, except the identity claims, and cannot rename a claim', (t) => {
  const check = permissionOf('user_claim', 'insert', 'manager')?.check
  t.true(may('user_claim', { user_id: 'bob', name: 'org-id' }, check))
  for (const name of ['user-id', 'role', 'allowed-roles', 'default-role'])
    t.false(may('user_claim', { user_id: 'bob', name }, check), name)
  t.deepEqual(permissionOf('user_claim', 'update', 'manager')?.columns, ['value'])
})

test('a manager cannot change a claim of an admin', (t) => {
  const { check } = permissionOf('user_claim', 'insert', 'manager') ?? {}
  const { filter: changeable } = permissionOf('user_claim', 'update', 'manager') ?? {}
  const { filter: removable } = permissionOf('user_claim', 'delete', 'manager') ?? {}
  for (const where of [check, changeable, removable]) {
    t.true(may('user_claim', { user_id: 'alice', name: 'org-id' }, where))
    for (const user_id of ['root', 'toor', 'unknown'])
      t.false(may('user_claim', { user_id, name: 'org-id' }, where), user_id)
  }
})

test('a given manager role and user role replace manager and user', (t) => {
  const text = JSON.stringify(describeTables({ manager: 'boss', user: 'person' }))
  t.regex(text, /"role":"boss"/)
  t.regex(text, /"role":"person"/)
  t.notRegex(text, /"role":"(manager|user)"/)
})
