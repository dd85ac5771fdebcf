import { z } from 'zod'
import { type Check, failed, ok } from './check.ts'

/** Columns that let whoever reads or writes them be somebody else, by table. */
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
  table: z.object({ name: z.string() }),
  select_permissions: z.array(columnPermission).default([]),
  insert_permissions: z.array(columnPermission).default([]),
  update_permissions: z.array(columnPermission).default([]),
})
const metadataSchema = z.object({
  sources: z.array(z.object({ tables: z.array(z.unknown()).default([]) })).default([]),
})

/** The permissions of a metadata that reach a secret column, as `role: table.column`, each once. */
export function findExposed(metadata: unknown): string[] {
  const found = new Set<string>()
  const { data } = metadataSchema.safeParse(metadata)
  for (const each of data?.sources.flatMap(({ tables }) => tables) ?? []) {
    // A table of a kind of database that names its tables otherwise is none of ours.
    const { data: tracked } = trackedTable.safeParse(each)
    if (!tracked) continue
    const { name } = tracked.table
    for (const { role, permission } of kinds.flatMap((kind) => tracked[kind]))
      for (const column of secrets[name] ?? [])
        if (permission.columns === '*' || permission.columns?.includes(column))
          found.add(`${role}: ${name}.${column}`)
  }
  return [...found].sort()
}

/** Whether any role reaches a column through Hasura that is for nobody's eyes. */
export function checkExposed(exposed: readonly string[]): Check {
  const name = 'secret columns'
  if (exposed.length === 0) return ok(name, 'no permission of Hasura reaches one')
  const cure = 'take them out of these permissions in Hasura; claimgate hasura diff shows how ours should be'
  return failed(name, `within reach of ${exposed.join(', ')}`, cure)
}

/** Every role that some permission of a metadata is for. */
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

/** Roles that somebody may have here, and roles that Hasura's permissions are for: they should be the same. */
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
      ? ok('roles here', 'each is in a permission of Hasura')
      : failed(
          'roles here',
          `in no permission of Hasura, so whoever acts in it sees nothing: ${useless.join(', ')}`,
          'give permissions to them in Hasura, or delete them; claimgate hasura apply does it for manager and user',
        ),
    unknown.length === 0
      ? ok('roles in Hasura', 'each is known here')
      : failed(
          'roles in Hasura',
          `have permissions, but nobody can have them: ${unknown.join(', ')}`,
          'claimgate role create <role>, or remove the permissions',
        ),
  ]
}
