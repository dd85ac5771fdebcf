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
