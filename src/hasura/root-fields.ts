import type { ExportedMetadata } from './metadata-api.ts'
import { describeTable } from './metadata-calls.ts'
import type { TableName } from './metadata-tables.ts'

type Source = ExportedMetadata['metadata']['sources'][number]
type Configured = { table?: unknown; function?: unknown; configuration?: unknown }

/** The patterns of Hasura's root fields, by the members of `custom_root_fields`. `$` stands for the name of the table. */
const patterns = {
  select: '$',
  select_by_pk: '$_by_pk',
  select_aggregate: '$_aggregate',
  select_stream: '$_stream',
  insert: 'insert_$',
  insert_one: 'insert_$_one',
  update: 'update_$',
  update_by_pk: 'update_$_by_pk',
  update_many: 'update_$_many',
  delete: 'delete_$',
  delete_by_pk: 'delete_$_by_pk',
}
const functionPatterns = { function: '$', function_aggregate: '$_aggregate' }

/** Returns the name of a table or function in GraphQL, without the customization of its source. */
export function graphqlName({ table, function: called, configuration }: Configured): string {
  const { custom_name } = (configuration ?? {}) as { custom_name?: string | null }
  const { schema, name } = nameOf(table ?? called)
  return custom_name ?? (schema === 'public' ? name : `${schema}_${name}`)
}

/**
 * Returns the name of a table or function of the metadata, whose schema may be left out for `public`. A source that is
 * not PostgreSQL may name its tables in another form; such a name equals none of the gateway's.
 */
export function nameOf(table: unknown): TableName {
  if (typeof table === 'string') return { schema: 'public', name: table }
  const { schema = '', name = '' } = (table ?? {}) as Partial<TableName>
  return { schema, name }
}

/** Returns the root fields of a table in a source, as its customization makes them. */
export function rootFieldsOf(table: Configured, source: Source): string[] {
  return customize(fieldsOf(table, patterns, source), source)
}

/** Returns the owner of each root field of the metadata: tables and functions of all sources, and Actions. */
export function findRootFields({ metadata }: ExportedMetadata): Map<string, string> {
  const owners = new Map<string, string>()
  for (const source of metadata.sources) {
    for (const table of source.tables)
      for (const field of rootFieldsOf(table, source)) owners.set(field, describeTable(nameOf(table.table)))
    for (const called of source.functions)
      for (const field of customize(fieldsOf(called, functionPatterns, source), source))
        owners.set(field, `the function ${describeTable(nameOf(called.function))}`)
  }
  for (const { name } of metadata.actions) owners.set(name, `the Action ${name}`)
  return owners
}

function fieldsOf(
  object: Configured,
  fields: Readonly<Record<string, string>>,
  { customization }: Source,
): string[] {
  const { custom_root_fields: custom } = (object.configuration ?? {}) as {
    custom_root_fields?: Record<string, string | { name?: string | null } | null> | null
  }
  const isCamelCase = customization?.naming_convention === 'graphql-default'
  return Object.entries(fields).map(([kind, pattern]) => {
    const given = custom?.[kind]
    const name = pattern.replace('$', graphqlName(object))
    return (typeof given === 'string' ? given : given?.name) ?? (isCamelCase ? toCamelCase(name) : name)
  })
}

/** Adds prefix and suffix of the source. Fields in a namespace differ from all others, and so get its name. */
function customize(fields: string[], { customization }: Source): string[] {
  const { prefix, suffix, namespace } = customization?.root_fields ?? {}
  return fields.map((field) => `${namespace ? `${namespace}.` : ''}${prefix ?? ''}${field}${suffix ?? ''}`)
}

function toCamelCase(name: string): string {
  return name.replace(/(?<=[^_])_+([^_])/g, (_, letter: string) => letter.toUpperCase())
}
