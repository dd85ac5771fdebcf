import { quoteIdentifier } from '../database/schema.ts'
import { ImportError } from './problems.ts'
import type { Source } from './source.ts'
import type { SourceName } from './source-names.ts'

/** Returns true when the source has a column, as in `has('auth.users.created_at')`. */
export type Has = (column: string) => boolean

/**
 * The queries that read a source page by page. `users` reads at most `$2` users with a key after `$1` (null at first).
 * `roles` and `identities` read the rows of the keys from `$1` to `$2`.
 */
export type Queries = { count: string; users: string; roles: string; identities: string | null }

/** The queries of a layout, and `rows`, which reads the rows of the keys from `$1` to `$2` as JSON. */
export type RowQueries = Queries & { rows: string }

/** The tables of an authentication server to import from. */
export type Layout = {
  name: SourceName
  /** The required columns by table. A table name without a schema means the current schema. */
  columns: Readonly<Record<string, readonly string[]>>
  /** The required columns of type uuid, as `table.column`. */
  ids: readonly string[]
  queries(has: Has): Queries
  /** True for a program that knows no roles of Hasura: only roles that exist here are granted. */
  isForeign?: true
  /** The error message when the source is the gateway's own schema. */
  sameDatabase: string
}

type Column = { schema: string; table: string; column: string; type: string; current: boolean }

/**
 * Reads the columns of a source and creates its queries. Throws ImportError `layout`, which names every missing table
 * and column.
 */
export async function findQueries(source: Pick<Source, 'query'>, layout: Layout): Promise<RowQueries> {
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
      `The source is not a ${layout.name} database, or its user lacks SELECT: ${[...missing, ...wrong].join('; ')}.`,
    )
  }
  const [users = ''] = Object.keys(layout.columns)
  const table = users.split('.').map(quoteIdentifier).join('.')
  return {
    ...layout.queries((column) => types.has(column)),
    rows: `SELECT id::text AS key, to_jsonb(u) AS row FROM ${table} u WHERE id BETWEEN $1 AND $2`,
  }
}

/** Returns the type of each column, by `schema.table.column` and, in the current schema, also by `table.column`. */
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
