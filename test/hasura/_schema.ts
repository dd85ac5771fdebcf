import { buildSchema, type GraphQLSchema } from 'graphql'
import type { TrackedTable } from '../../src/hasura/metadata-tables.ts'

const scalars = ['uuid', 'jsonb', 'timestamptz']

/** Returns the type of a column in Hasura's schema, derived from its name. */
function typeOf(column: string): string {
  if (/(^|_)id$/.test(column)) return 'uuid'
  if (/_at$/.test(column)) return 'timestamptz'
  if (/^(active|email_verified)$/.test(column)) return 'Boolean'
  return column === 'value' ? 'jsonb' : 'String'
}

const fields = (columns: readonly string[], type: (column: string) => string = typeOf) =>
  columns.map((column) => `${column}: ${type(column)}`).join(' ')

/** Returns Hasura's schema of tracked tables for one role, with the parts that the documentation's examples use. */
export function createHasuraSchema(tables: readonly TrackedTable[], role: string): GraphQLSchema {
  const parts = tables.map((table) => describeTable(table, tables, role))
  const rootOf = (name: string, roots: string[]) => `type ${name} { ${roots.join('\n')} }`
  return buildSchema(
    [
      'schema { query: query_root mutation: mutation_root }',
      ...scalars.map((name) => `scalar ${name}`),
      ...[...scalars, 'String', 'Boolean'].map(
        (name) =>
          `input ${name}_comparison_exp { _eq: ${name} _neq: ${name} _in: [${name}!] _is_null: Boolean }`,
      ),
      ...parts.flatMap(({ types }) => types),
      rootOf(
        'query_root',
        parts.flatMap(({ queries }) => queries),
      ),
      rootOf(
        'mutation_root',
        parts.flatMap(({ mutations }) => mutations),
      ),
    ].join('\n'),
  )
}

type Parts = { types: string[]; queries: string[]; mutations: string[] }

function describeTable(table: TrackedTable, tables: readonly TrackedTable[], role: string): Parts {
  const name = table.table.name
  const find = <T extends { role: string }>(list: readonly T[] | undefined) =>
    list?.find((each) => each.role === role)
  const columnsOf = (given: unknown) => (Array.isArray(given) ? (given as string[]) : [])
  const select = find(table.select_permissions)
  if (!select) return { types: [], queries: [], mutations: [] }
  const seen = columnsOf(select.permission.columns)
  const isSeen = (other: string) =>
    find(tables.find((each) => each.table.name === other)?.select_permissions) !== undefined
  const one = (table.object_relationships ?? []).map(({ name: field }) => [
    field,
    field === 'default_role' ? 'role' : field,
  ])
  const many = (table.array_relationships ?? []).map(({ name: field, using }) => [
    field,
    (using as { foreign_key_constraint_on: { table: { name: string } } }).foreign_key_constraint_on.table
      .name,
  ])
  const related = [...one, ...many.map(([field, other]) => [field, other, '[]'])].filter(([, other]) =>
    isSeen(other as string),
  )
  const types = [
    `type ${name} { ${fields(seen)} ${related.map(([field, other, list]) => `${field}: ${list ? `[${other}!]!` : other}`).join(' ')} }`,
    `input ${name}_bool_exp { ${fields(seen, (column) => `${typeOf(column)}_comparison_exp`)} }`,
    `type ${name}_mutation_response { affected_rows: Int! returning: [${name}!]! }`,
    `enum ${name}_constraint { ${name}_pkey }`,
  ]
  const mutations: string[] = []
  const update = find(table.update_permissions)
  const set = columnsOf(update?.permission.columns)
  if (update) {
    types.push(`input ${name}_set_input { ${fields(set)} }`, `input ${name}_pk_columns_input { id: uuid! }`)
    types.push(`enum ${name}_update_column { ${set.join(' ')} }`)
    mutations.push(
      `update_${name}_by_pk(pk_columns: ${name}_pk_columns_input!, _set: ${name}_set_input): ${name}`,
    )
  }
  const insert = find(table.insert_permissions)
  if (insert) {
    types.push(`input ${name}_insert_input { ${fields(columnsOf(insert.permission.columns))} }`)
    // Without an updatable column, Hasura's on_conflict can only ignore a conflict.
    if (!update) types.push(`enum ${name}_update_column { _PLACEHOLDER }`)
    types.push(
      `input ${name}_on_conflict { constraint: ${name}_constraint! update_columns: [${name}_update_column!]! = [] }`,
    )
    const arrives = `on_conflict: ${name}_on_conflict`
    mutations.push(
      `insert_${name}_one(object: ${name}_insert_input!, ${arrives}): ${name}`,
      `insert_${name}(objects: [${name}_insert_input!]!, ${arrives}): ${name}_mutation_response`,
    )
  }
  if (find(table.delete_permissions))
    mutations.push(`delete_${name}(where: ${name}_bool_exp!): ${name}_mutation_response`)
  return { types, queries: [`${name}(where: ${name}_bool_exp): [${name}!]!`], mutations }
}
