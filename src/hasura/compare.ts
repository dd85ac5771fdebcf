import type { MetadataCall } from './calls.ts'
import { HasuraError } from './hasura-error.ts'
import type { ExportedMetadata } from './metadata-api.ts'
import type { TableName } from './tables.ts'

/** What Hasura has not been told, and what it has been told otherwise, which stays as it is. */
export type Comparison = { missing: MetadataCall[]; differs: MetadataCall[] }

type Tracked = Record<string, unknown>

/** Compares what Hasura knows of a source with calls. Throws `source_not_found`. */
export function compareMetadata(
  { metadata }: ExportedMetadata,
  calls: readonly MetadataCall[],
  source: string,
): Comparison {
  const found = metadata.sources.find(({ name }) => name === source)
  if (!found) {
    const names = metadata.sources.map(({ name }) => JSON.stringify(name)).join(', ') || 'none'
    throw new HasuraError(
      'source_not_found',
      `Hasura has no source ${JSON.stringify(source)}; it has ${names}`,
    )
  }
  if (found.kind !== 'postgres')
    throw new HasuraError(
      'source_not_found',
      `The source ${JSON.stringify(source)} is ${found.kind}, not postgres`,
    )
  const missing: MetadataCall[] = []
  const differs: MetadataCall[] = []
  for (const call of calls) {
    const tracked = found.tables.find(({ table }) => isSame(tableOf(table), call.args.table))
    const there = tracked && findPart(tracked, call)
    if (there === undefined) missing.push(call)
    else if (there !== null && !isSame(there, call.args.using ?? call.args.permission)) differs.push(call)
  }
  return { missing, differs }
}

/** The part of a table that a call would make: null for the table itself, undefined when it is not there. */
function findPart(tracked: Tracked, { type, args }: MetadataCall): unknown {
  if (type === 'pg_track_table') return null
  const list = (name: string) => (tracked[name] ?? []) as Record<string, unknown>[]
  if (args.role !== undefined) {
    const kind = type.replace(/^pg_create_/, '')
    return list(`${kind}s`).find(({ role }) => role === args.role)?.permission
  }
  const own = type.replace(/^pg_create_(.*)_relationship$/, '$1_relationships')
  const others = ['object_relationships', 'array_relationships', 'remote_relationships', 'computed_fields']
  const named = (name: string) => list(name).find((part) => part.name === args.name)
  // Another kind of field of that name is as much in the way as another relationship.
  return named(own)?.using ?? others.map(named).find((part) => part !== undefined)
}

function tableOf(table: unknown): unknown {
  return typeof table === 'string' ? ({ schema: 'public', name: table } satisfies TableName) : table
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(canonical(a)) === JSON.stringify(canonical(b))
}

/** One form for what Hasura writes in several: order never counts, and an empty member is none. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(canonical)
    return items.length === 1 ? items[0] : items.map((item) => JSON.stringify(item)).sort()
  }
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value)
    .map(([name, member]): [string, unknown] => [
      name === 'columns' ? 'column' : name,
      canonical(name === 'table' ? tableOf(member) : member),
    ])
    .filter(([name, member]) => name !== 'comment' && !isEmpty(name, member))
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(members)
}

/** False is what Hasura takes for a setting that is not there; in a condition (`_is_null`) it says something. */
function isEmpty(name: string, value: unknown): boolean {
  if (value === null || value === undefined) return true
  if (value === false) return !name.startsWith('_')
  return typeof value === 'object' && Object.keys(value).length === 0
}
