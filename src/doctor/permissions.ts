import * as z from 'zod'
import { type Check, failed, ok } from './check.ts'

/** The secret columns by table. A reader or writer of such a column can act as another user. */
const secrets: Readonly<Record<string, readonly string[]>> = {
  user: ['password'],
  session: ['counter'],
  signing_key: ['private_key'],
  authorization_code: ['hash', 'code_challenge'],
  oauth_state: ['hash'],
  rate_limit: ['key'],
}

const kinds = ['select_permissions', 'insert_permissions', 'update_permissions'] as const

const columnPermission = z.object({
  role: z.string(),
  permission: z.object({ columns: z.union([z.literal('*'), z.array(z.string())]).optional() }),
})
const trackedTable = z.object({
  table: z.object({ schema: z.string().default('public'), name: z.string() }),
  select_permissions: z.array(columnPermission).default([]),
  insert_permissions: z.array(columnPermission).default([]),
  update_permissions: z.array(columnPermission).default([]),
})
const metadataSchema = z.object({
  sources: z.array(z.object({ tables: z.array(z.unknown()).default([]) })).default([]),
})

/**
 * Returns the permissions in Hasura metadata that include a secret column, as `role: table.column`, each once. Other
 * schemas than `schema`, with tables of other programs, are left out; null stands for an unknown schema.
 */
export function findExposed(metadata: unknown, schema: string | null): string[] {
  const found = new Set<string>()
  const { data } = metadataSchema.safeParse(metadata)
  for (const each of data?.sources.flatMap(({ tables }) => tables) ?? []) {
    // Tables of other kinds of database have other names. The gateway's tables are in PostgreSQL.
    const { data: tracked } = trackedTable.safeParse(each)
    if (!tracked || (schema !== null && tracked.table.schema !== schema)) continue
    const { name } = tracked.table
    for (const { role, permission } of kinds.flatMap((kind) => tracked[kind]))
      for (const column of secrets[name] ?? [])
        if (permission.columns === '*' || permission.columns?.includes(column))
          found.add(`${role}: ${name}.${column}`)
  }
  return [...found].sort()
}

/** Checks that no role can read or write a secret column through Hasura. */
export function checkExposed(exposed: readonly string[]): Check {
  const name = 'secret columns'
  if (exposed.length === 0) return ok(name, 'no permission in Hasura includes one')
  const cure =
    'remove them from these permissions in Hasura; claimgate hasura diff shows the intended permissions'
  return failed(name, `included in permissions: ${exposed.join(', ')}`, cure)
}

/** Returns every role that has a permission in Hasura metadata, without `admin`. */
export function findRoles(metadata: unknown): Set<string> {
  const found = new Set<string>()
  const visit = (value: unknown, holder: string): void => {
    if (Array.isArray(value)) for (const item of value) visit(item, holder)
    else if (typeof value === 'object' && value !== null) {
      const { role, role_name } = value as Record<string, unknown>
      if (/permissions$/.test(holder) && typeof role === 'string') found.add(role)
      if (holder === 'inherited_roles' && typeof role_name === 'string') found.add(role_name)
      for (const [name, member] of Object.entries(value)) visit(member, name)
    }
  }
  visit(metadata, '')
  found.delete('admin')
  return found
}

/** Compares the roles that users can have with the roles that have permissions in Hasura. */
export function checkRoles(
  known: readonly string[],
  used: ReadonlySet<string>,
  anonymousRole: string | null,
): Check[] {
  const given = new Set(known)
  const useless = [...given].filter((role) => role !== 'admin' && !used.has(role)).sort()
  const unknown = [...used].filter((role) => !given.has(role) && role !== anonymousRole).sort()
  return [
    useless.length === 0
      ? ok('roles here', 'each role has permissions in Hasura')
      : failed(
          'roles here',
          `without a permission in Hasura, so users see nothing in these roles: ${useless.join(', ')}`,
          'add permissions for them in Hasura (claimgate hasura apply adds the ones of manager and user), or delete the roles',
        ),
    unknown.length === 0
      ? ok('roles in Hasura', 'each role exists here')
      : failed(
          'roles in Hasura',
          `roles with permissions that no user can have: ${unknown.join(', ')}`,
          'run claimgate role create <role>, or remove the permissions',
        ),
  ]
}
