import type { Database } from './_database.ts'

// biome-ignore lint/suspicious/noExplicitAny: metadata can have any form
type Json = any

const operators = ['_eq', '_neq', '_gt', '_lt', '_gte', '_lte', '_in', '_nin', '_is_null', '_like', '_ilike']

/** Throws, as Hasura does, when two tables have the same name or the same root field in GraphQL. */
export function checkNames(tables: Json[]): void {
  const seen = new Set<string>()
  for (const { table, configuration } of tables) {
    const name =
      configuration?.custom_name ?? (table.schema === 'public' ? table.name : `${table.schema}_${table.name}`)
    const custom = configuration?.custom_root_fields ?? {}
    const fields = [
      custom.select ?? name,
      custom.select_by_pk ?? `${name}_by_pk`,
      custom.select_aggregate ?? `${name}_aggregate`,
      custom.insert ?? `insert_${name}`,
      custom.insert_one ?? `insert_${name}_one`,
      custom.update ?? `update_${name}`,
      custom.delete ?? `delete_${name}`,
    ]
    for (const field of fields) {
      if (seen.has(field)) throw new Error(`Found conflicting definitions of the field "${field}"`)
      seen.add(field)
    }
  }
}

/** Throws, as Hasura does, for a relationship without a foreign key. */
export function checkRelationship(database: Database, table: string, { using }: Json): void {
  const on = using.foreign_key_constraint_on
  const [from, column] = typeof on === 'string' ? [table, on] : [on.table.name, on.column]
  const to = database[from]?.references[column]
  if (to === undefined || (typeof on !== 'string' && to !== table))
    throw new Error(`no foreign constraint exists on the given column(s): ${from}.${column}`)
}

/** Throws, as Hasura does, for a permission with an unknown column, relationship or operator. */
export function checkPermission(
  database: Database,
  tracked: Json[],
  table: string,
  { columns = [], filter = {}, check = {}, set = {} }: Json,
): void {
  const isColumn = (of: string, name: string) => database[of]?.columns.includes(name) === true
  const unknown = [...columns, ...Object.keys(set)].find((column) => !isColumn(table, column))
  if (unknown !== undefined) throw new Error(`column "${unknown}" does not exist in "${table}"`)

  function visit(of: string, where: Json): void {
    for (const [name, inner] of Object.entries<Json>(where)) {
      if (name === '_and' || name === '_or') for (const each of inner) visit(of, each)
      else if (name === '_not') visit(of, inner)
      else if (isColumn(of, name)) {
        const strange = Object.keys(inner).find((operator) => !operators.includes(operator))
        if (strange !== undefined) throw new Error(`unexpected operator: "${strange}"`)
      } else visit(follow(database, tracked, of, name), inner)
    }
  }
  visit(table, filter)
  visit(table, check)
}

/** Returns the target table of a relationship. */
function follow(database: Database, tracked: Json[], table: string, name: string): string {
  const { object_relationships = [], array_relationships = [] } =
    tracked.find((each) => each.table.name === table) ?? {}
  const found = [...object_relationships, ...array_relationships].find((each) => each.name === name)
  const on = found?.using.foreign_key_constraint_on
  const to = typeof on === 'string' ? database[table]?.references[on] : on?.table.name
  if (to === undefined) throw new Error(`"${name}" does not exist in "${table}"`)
  return to
}
