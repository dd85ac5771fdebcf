import type { ExportedMetadata } from './metadata-api.ts'
import { describeTable, type MetadataCall } from './metadata-calls.ts'
import { HasuraError } from './metadata-request.ts'
import type { TableName } from './metadata-tables.ts'
import { findRootFields, graphqlName, nameOf, rootFieldsOf } from './root-fields.ts'

/** The calls that are missing in Hasura, and the calls whose object exists in another form and stays unchanged. */
export type Comparison = {
  missing: MetadataCall[]
  /** Each of the differences names a member of the metadata. */
  differs: { call: MetadataCall; differences: string[] }[]
  /** The missing tables whose GraphQL name, or one of whose root fields, something else has, with its name. */
  taken: { name: string; isField: boolean; table: TableName; other: string }[]
}

type Tracked = Record<string, unknown>

const fieldKinds = ['object_relationships', 'array_relationships', 'remote_relationships', 'computed_fields']

/** Compares the metadata of a source with calls. Throws `source_not_found`. */
export function compareMetadata(
  exported: ExportedMetadata,
  calls: readonly MetadataCall[],
  source: string,
): Comparison {
  const { metadata } = exported
  const found = metadata.sources.find(({ name }) => name === source)
  if (!found) {
    const names = metadata.sources.map(({ name }) => JSON.stringify(name)).join(', ') || 'none'
    throw new HasuraError(
      'source_not_found',
      `Hasura has no source ${JSON.stringify(source)} (sources: ${names}); set --source`,
    )
  }
  if (found.kind !== 'postgres')
    throw new HasuraError(
      'source_not_found',
      `The source ${JSON.stringify(source)} is ${found.kind}, not postgres; set --source to a PostgreSQL source`,
    )
  const comparison: Comparison = { missing: [], differs: [], taken: [] }
  const rootFields = findRootFields(exported)
  for (const call of calls) {
    const tracked = found.tables.find(({ table }) => isSame(nameOf(table), call.args.table))
    const differences = findChanges(tracked, call)
    if (differences === null) comparison.missing.push(call)
    else if (differences.length > 0) comparison.differs.push({ call, differences })
    if (tracked || call.type !== 'pg_track_table') continue
    const { table } = call.args
    const name = graphqlName(call.args)
    const named = found.tables.find((each) => graphqlName(each) === name)
    const field = rootFieldsOf(call.args, found).find((each) => rootFields.has(each))
    if (named)
      comparison.taken.push({ name, isField: false, table, other: describeTable(nameOf(named.table)) })
    else if (field !== undefined)
      comparison.taken.push({ name: field, isField: true, table, other: rootFields.get(field) ?? '' })
  }
  return comparison
}

/** Returns the relationships whose name occurs in a condition of these calls' permissions. May return too many. */
export function findUsedRelationships(calls: readonly MetadataCall[]): MetadataCall[] {
  const names = new Set<string | undefined>()
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    for (const [name, inner] of Object.entries(value)) {
      names.add(name)
      visit(inner)
    }
  }
  for (const { args } of calls) visit(args.permission)
  return calls.filter(({ args }) => args.using !== undefined && names.has(args.name))
}

/** Returns the differences of the object of a call in a table; null when the object is missing. */
function findChanges(tracked: Tracked | undefined, { type, args }: MetadataCall): string[] | null {
  if (!tracked) return null
  if (type === 'pg_track_table') return []
  const list = (name: string) => (tracked[name] ?? []) as Record<string, unknown>[]
  const compare = (there: unknown, wanted: unknown) => findDifferences(canonical(there), canonical(wanted))
  const own = `${type.replace(/^pg_create_/, '')}s`
  if (args.role !== undefined) {
    const there = list(own).find(({ role }) => role === args.role)
    return there ? compare(there.permission, args.permission) : null
  }
  const named = (kind: string) => list(kind).find(({ name }) => name === args.name)
  const there = named(own)
  if (there) return compare(there.using, args.using)
  // A field of another kind with the same name also makes the call fail.
  return fieldKinds.some(named) ? ['another kind of field has its name'] : null
}

/** Returns the differences between two canonical values, each with the path of its member. */
function findDifferences(there: unknown, wanted: unknown, path = ''): string[] {
  const isObject = (value: unknown): value is Tracked => typeof value === 'object' && value !== null
  if (isSame(there, wanted)) return []
  if (isObject(there) && isObject(wanted) && !Array.isArray(there) && !Array.isArray(wanted)) {
    const names = [...new Set([...Object.keys(there), ...Object.keys(wanted)])].sort()
    return names.flatMap((name) =>
      findDifferences(there[name], wanted[name], path === '' ? name : `${path}.${name}`),
    )
  }
  const show = (value: unknown) => (value === undefined ? 'nothing' : JSON.stringify(value))
  const [has, lacks] = [listOf(there), listOf(wanted)]
  if (path.endsWith('column') && has.length + lacks.length > 2) {
    const [more, less] = [
      has.filter((one) => !lacks.includes(one)),
      lacks.filter((one) => !has.includes(one)),
    ]
    const parts = [
      more.length > 0 && `also has ${more.join(', ')}`,
      less.length > 0 && `lacks ${less.join(', ')}`,
    ]
    return [`${path}s: Hasura ${parts.filter(Boolean).join(', and ')}`]
  }
  return [`${path || 'definition'}: Hasura has ${show(there)}, here is ${show(wanted)}`]
}

/** Returns the names in a canonical list, in which a single name is no list. */
function listOf(value: unknown): string[] {
  return [value].flat().flatMap((each) => (typeof each === 'string' ? [each] : []))
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(canonical(a)) === JSON.stringify(canonical(b))
}

/** Returns one canonical form of equivalent metadata: without order, empty members and comments. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(canonical)
    return items.length === 1
      ? items[0]
      : items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  }
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value)
    .map(([name, member]): [string, unknown] => [
      name === 'columns' ? 'column' : name,
      canonical(name === 'table' ? nameOf(member) : member),
    ])
    .filter(([name, member]) => name !== 'comment' && !isEmpty(name, member))
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(members)
}

/** Returns true for the value of an omitted setting. In a condition such as `_is_null`, false has a meaning. */
function isEmpty(name: string, value: unknown): boolean {
  if (value === null || value === undefined) return true
  if (value === false) return !name.startsWith('_')
  return typeof value === 'object' && Object.keys(value).length === 0
}
