import type { TableName, TrackedTable } from './metadata-tables.ts'

/** Hasura's four kinds of permission, in the order of the generated files. */
export const permissionKinds = ['insert', 'select', 'update', 'delete'] as const

/** One call of Hasura's metadata API. It adds one object, and fails when the object exists. */
export type MetadataCall = {
  type: string
  args: {
    source: string
    table: TableName
    configuration?: object
    name?: string
    role?: string
    using?: object
    permission?: object
  }
}

/** Returns the calls that track these tables. Permissions come last, because they refer to relationships. */
export function toCalls(tables: readonly TrackedTable[], source: string): MetadataCall[] {
  return [
    ...tables.map(({ table, configuration }) => ({
      type: 'pg_track_table',
      args: { source, table, ...(configuration && { configuration }) },
    })),
    ...tables.flatMap(({ table, object_relationships = [], array_relationships = [] }) => [
      ...object_relationships.map(({ name, using }) => ({
        type: 'pg_create_object_relationship',
        args: { source, table, name, using },
      })),
      ...array_relationships.map(({ name, using }) => ({
        type: 'pg_create_array_relationship',
        args: { source, table, name, using },
      })),
    ]),
    ...tables.flatMap((tracked) =>
      permissionKinds.flatMap((kind) =>
        (tracked[`${kind}_permissions`] ?? []).map(({ role, permission }) => ({
          type: `pg_create_${kind}_permission`,
          args: { source, table: tracked.table, role, permission },
        })),
      ),
    ),
  ]
}

/** Returns a readable name of a table: `user`, or with another schema than `public` `auth.user`. */
export function describeTable({ schema, name }: TableName): string {
  return schema === 'public' ? name : `${schema}.${name}`
}

/** Returns a readable name of a call: `select permission of manager on user`. */
export function describeCall({ type, args }: MetadataCall): string {
  const { name, role } = args
  const table = describeTable(args.table)
  const what = type.replace(/^pg_(create|track)_/, '').replaceAll('_', ' ')
  if (role !== undefined) return `${what} of ${role} on ${table}`
  return name === undefined ? `${what} ${table}` : `${what} ${table}.${name}`
}
