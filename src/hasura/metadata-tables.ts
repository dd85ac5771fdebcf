import type {
  DeletePermission,
  InsertPermission,
  MetadataTable,
  SelectPermission,
  UpdatePermission,
} from 'hasura-metadata-types'

/** `manager` manages users and roles through Hasura; `user` (AUTH_DEFAULT_ROLE) reads its own rows. */
export type MetadataRoles = { manager: string; user: string }

/** The roles of the files in `hasura/`, and the defaults of the commands. */
export const metadataRoles: MetadataRoles = { manager: 'manager', user: 'user' }

export type TableName = { schema: string; name: string }

/** A tracked table in Hasura's metadata, with the name of a PostgreSQL table. */
export type TrackedTable = MetadataTable & { table: TableName }

type Where = Record<string, unknown>

const own: Where = { user_id: { _eq: 'X-Hasura-User-Id' } }
const notAdmin: Where = { name: { _neq: 'admin' } }
/** The condition for users with the role admin. Only an admin may change them, their roles and their claims. */
const isAdmin: Where = {
  _or: [{ default_role: { name: { _eq: 'admin' } } }, { roles: { role: { name: { _eq: 'admin' } } } }],
}
const ofOthers: Where = { user: { _not: isAdmin } }

const userColumns = [
  'id',
  'username',
  'email',
  'email_verified',
  'active',
  'default_role_id',
  'created_at',
  'updated_at',
]
const identityColumns = [
  'provider',
  'subject',
  'user_id',
  'email',
  'email_verified',
  'created_at',
  'last_used_at',
]
const sessionColumns = [
  'id',
  'user_id',
  'created_at',
  'rotated_at',
  'idle_expires_at',
  'expires_at',
  'revoked_at',
  'revoked_reason',
  'user_agent',
  'address',
]

/**
 * Returns the gateway's tables in a schema for Hasura. The metadata directory, `bulk.json` and the commands come from
 * this list. Hasura puts another schema than `public` into the names of GraphQL; `custom_name` keeps the same API.
 * `prefix` begins the names of the tables in GraphQL.
 * Permissions name each column, so that a column of a later version is visible to no role.
 */
export function describeTables(
  { manager, user }: MetadataRoles,
  schema = 'public',
  prefix = '',
): TrackedTable[] {
  const named = (name: string): TableName => ({ schema, name })
  const tracked = (name: string) => ({
    table: named(name),
    ...((schema !== 'public' || prefix !== '') && { configuration: { custom_name: `${prefix}${name}` } }),
  })
  const toMany = (name: string, table: string, column: string) => ({
    name,
    using: { foreign_key_constraint_on: { table: named(table), column } },
  })
  const all = (columns: string[]) => select(manager, columns, {}, true)
  return [
    {
      ...tracked('user'),
      object_relationships: [toOne('default_role', 'default_role_id')],
      array_relationships: [
        toMany('roles', 'user_role', 'user_id'),
        toMany('identities', 'identity', 'user_id'),
        toMany('sessions', 'session', 'user_id'),
        toMany('claims', 'user_claim', 'user_id'),
      ],
      select_permissions: [all(userColumns), select(user, userColumns, { id: own.user_id })],
      // A user also has the default role, so the check keeps admin out of default_role_id.
      update_permissions: [
        update(manager, ['active', 'default_role_id'], { _not: isAdmin }, { _not: isAdmin }),
      ],
    },
    {
      ...tracked('role'),
      array_relationships: [
        toMany('users', 'user_role', 'role_id'),
        toMany('default_of', 'user', 'default_role_id'),
      ],
      insert_permissions: [insert(manager, ['name'], { name: { _nin: ['admin', ''] } })],
      select_permissions: [
        all(['id', 'name']),
        select(user, ['id', 'name'], { _or: [{ users: own }, { default_of: { id: own.user_id } }] }),
      ],
    },
    {
      ...tracked('user_role'),
      object_relationships: [toOne('user', 'user_id'), toOne('role', 'role_id')],
      insert_permissions: [insert(manager, ['user_id', 'role_id'], { role: notAdmin, ...ofOthers })],
      select_permissions: [
        all(['id', 'user_id', 'role_id', 'provider']),
        select(user, ['id', 'user_id', 'role_id'], own),
      ],
      delete_permissions: [remove(manager, { role: notAdmin, ...ofOthers })],
    },
    {
      ...tracked('identity'),
      object_relationships: [toOne('user', 'user_id')],
      select_permissions: [all(identityColumns), select(user, identityColumns, own)],
    },
    {
      ...tracked('session'),
      object_relationships: [toOne('user', 'user_id')],
      select_permissions: [all(sessionColumns), select(user, sessionColumns, own)],
      // Only an active session can be updated, and only to end it. The time is no preset, because Hasura offers a
      // mutation only with a column to set (hasura/graphql-engine#7406).
      update_permissions: [
        update(
          user,
          ['revoked_at'],
          { ...own, revoked_at: { _is_null: true } },
          { ...own, revoked_at: { _is_null: false } },
          { revoked_reason: 'user' },
        ),
      ],
    },
    {
      ...tracked('user_claim'),
      object_relationships: [toOne('user', 'user_id')],
      insert_permissions: [
        insert(manager, ['user_id', 'name', 'value'], {
          name: { _nin: ['user-id', 'role', 'allowed-roles', 'default-role'] },
          ...ofOthers,
        }),
      ],
      select_permissions: [all(['user_id', 'name', 'value'])],
      update_permissions: [update(manager, ['value'], ofOthers, {})],
      delete_permissions: [remove(manager, ofOthers)],
    },
    {
      // A view for subscriptions: the version changes when a new token would have other claims.
      ...tracked('user_claims_version'),
      select_permissions: [select(user, ['user_id', 'version'], own)],
    },
  ]
}

function toOne(name: string, column: string) {
  return { name, using: { foreign_key_constraint_on: column } }
}

function select(role: string, columns: string[], filter: Where, canCount = false): SelectPermission {
  return { role, permission: { columns, filter, ...(canCount && { allow_aggregations: true }) } }
}

function insert(role: string, columns: string[], check: Where): InsertPermission {
  return { role, permission: { columns, check } }
}

function update(
  role: string,
  columns: string[],
  filter: Where,
  check: Where,
  set?: Record<string, unknown>,
): UpdatePermission {
  return { role, permission: { columns, filter, check, ...(set && { set }) } }
}

function remove(role: string, filter: Where): DeletePermission {
  return { role, permission: { filter } }
}
