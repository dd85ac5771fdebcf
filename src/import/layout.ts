import { ImportError } from './problems.ts'
import type { Source } from './source.ts'

/** Whether a column is there, as in `has('auth.users.created_at')`. */
export type Has = (column: string) => boolean

/**
 * The queries that read a source page by page. A page is the users whose key comes after `$1` (null at first), at most
 * `$2`; its roles and identities are those of the keys from `$1` to `$2`.
 */
export type Queries = { count: string; users: string; roles: string; identities: string | null }

/** Another program's tables. */
export type Layout = {
  name: string
  /** The columns without which there is no import, by table; a table without a schema is in the current one. */
  columns: Readonly<Record<string, readonly string[]>>
  /** Those of them that have to be of the type uuid, as `table.column`. */
  ids: readonly string[]
  queries(has: Has): Queries
  /** Why the source cannot be the gateway's own database. */
  sameDatabase: string
}

type Column = { schema: string; table: string; column: string; type: string; current: boolean }

/**
 * Reads which columns a source has and makes its queries. Throws ImportError `layout` that names every table and column
 * that is missing.
 */
export async function findQueries(source: Pick<Source, 'query'>, layout: Layout): Promise<Queries> {
  const types = await readTypes(source)
  const missing = Object.entries(layout.columns).flatMap(([table, columns]) =>
    [...types.keys()].some((name) => name.startsWith(`${table}.`))
      ? columns
          .filter((column) => !types.has(`${table}.${column}`))
          .map((column) => `the table ${table} has no column ${column}`)
      : [`there is no table ${table}`],
  )
  const wrong = layout.ids
    .filter((id) => types.has(id) && types.get(id) !== 'uuid')
    .map((id) => `${id} is not of the type uuid`)
  if (missing.length + wrong.length > 0) {
    throw new ImportError(
      'layout',
      `The source is not a ${layout.name} database that this user may read: ${[...missing, ...wrong].join('; ')}.`,
    )
  }
  return layout.queries((column) => types.has(column))
}

/** The type of each column, under the name of its table without and with the schema. */
async function readTypes({ query }: Pick<Source, 'query'>): Promise<Map<string, string>> {
  const columns = await query<Column>(
    `SELECT table_schema AS schema, table_name AS "table", column_name AS "column", data_type AS type,
       table_schema = current_schema() AS current
     FROM information_schema.columns WHERE table_schema IN ('auth', current_schema())`,
  )
  return new Map(
    columns.flatMap(({ schema, table, column, type, current }) => [
      [`${schema}.${table}.${column}`, type] as const,
      ...(current ? [[`${table}.${column}`, type] as const] : []),
    ]),
  )
}
