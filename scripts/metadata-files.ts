import { stringify } from 'yaml'
import { toCalls } from '../src/hasura/metadata-calls.ts'
import type { TrackedTable } from '../src/hasura/metadata-tables.ts'
import { objectTypes, operations } from '../src/hasura/operations.ts'

const source = 'default'
const folder = `databases/${source}/tables`

/**
 * Returns the files of `hasura/` by their path. `metadata/` is a directory for a fresh project of the Hasura CLI, which
 * takes a missing file for an empty one. `bulk.json` has the same as calls that add to an existing project.
 */
export function toFiles(tables: readonly TrackedTable[]): Map<string, string> {
  const files = tables.map((table) => [`public_${table.table.name}.yaml`, table] as const)
  const database = {
    name: source,
    kind: 'postgres',
    configuration: {
      connection_info: {
        database_url: { from_env: 'HASURA_GRAPHQL_DATABASE_URL' },
        isolation_level: 'read-committed',
        use_prepared_statements: true,
      },
    },
    tables: `!include ${source}/tables/tables.yaml`,
  }
  const bulk = { type: 'bulk', source, args: toCalls(tables, source) }
  return new Map([
    ['metadata/version.yaml', toYaml({ version: 3 })],
    ['metadata/databases/databases.yaml', toYaml([database])],
    [`metadata/${folder}/tables.yaml`, toYaml(files.map(([name]) => `!include ${name}`))],
    ...files.map(([name, table]) => [`metadata/${folder}/${name}`, toYaml(table)] as const),
    ['bulk.json', `${JSON.stringify(bulk, null, 2)}\n`],
  ])
}

/**
 * Returns `hasura/actions.yaml`: the address of each action of `hasura/actions.graphql`, and the roles that may call it.
 * The roles are the defaults of AUTH_ANONYMOUS_ROLE and AUTH_DEFAULT_ROLE.
 */
export function createActionsYaml(): string {
  const actions = Object.entries(operations).map(([name, { kind, description, isOpen }]) => ({
    name,
    definition: {
      // Only a mutation can be asynchronous, so Hasura writes nothing here for a query.
      kind: kind === 'mutation' ? 'synchronous' : '',
      handler: '{{CLAIMGATE_URL}}/hasura/actions',
      forward_client_headers: true,
      headers: [{ name: 'X-Action-Secret', value_from_env: 'AUTH_ACTION_SECRET' }],
    },
    permissions: (isOpen ? ['anonymous', 'user'] : ['user']).map((role) => ({ role })),
    comment: description,
  }))
  const objects = Object.entries(objectTypes).map(([name, { description }]) => ({ name, description }))
  return toYaml({ actions, custom_types: { enums: [], input_objects: [], objects, scalars: [] } })
}

/** Writes plain data as YAML that readers of version 1.1 and 1.2 understand alike. Hasura has readers of both. */
export function toYaml(value: unknown): string {
  return stringify(value, { version: '1.1', compat: 'core', lineWidth: 0, aliasDuplicateObjects: false })
}
