import { toCalls } from './metadata-calls.ts'
import type { TrackedTable } from './metadata-tables.ts'
import { type Description, objectTypes, operations } from './operations.ts'
import { toYaml } from './yaml.ts'

const source = 'default'
const folder = `databases/${source}/tables`

/**
 * The files of `hasura/` by their path: `metadata/`, a directory for a fresh project of the Hasura CLI, for which a file
 * that is not there is empty, and `bulk.json`, the same as calls that add to an existing project.
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
 * `hasura/actions.yaml`: where Hasura finds each action of `hasura/actions.graphql`, and which roles may call it. The
 * roles are the defaults of AUTH_ANONYMOUS_ROLE and AUTH_DEFAULT_ROLE.
 */
export function createActionsYaml(): string {
  const actions = Object.entries(operations).map(([name, operation]) => createAction(name, operation))
  const types = Object.entries(objectTypes).map(
    ([name, { description }]) => `    - name: ${name}\n      description: ${quote(description)}`,
  )
  const custom = `custom_types:\n  enums: []\n  input_objects: []\n  objects:\n${types.join('\n')}\n  scalars: []`
  return `actions:\n${actions.join('\n')}\n${custom}\n`
}

function createAction(name: string, { kind, description, isOpen }: Description): string {
  const roles = isOpen ? ['anonymous', 'user'] : ['user']
  return [
    `  - name: ${name}`,
    '    definition:',
    // Only a mutation can be asynchronous, so Hasura writes nothing here for a query.
    `      kind: ${kind === 'mutation' ? 'synchronous' : '""'}`,
    `      handler: '{{CLAIMGATE_URL}}/hasura/actions'`,
    '      forward_client_headers: true',
    '      headers:',
    '        - name: X-Action-Secret',
    '          value_from_env: AUTH_ACTION_SECRET',
    '    permissions:',
    ...roles.map((role) => `      - role: ${role}`),
    `    comment: ${quote(description)}`,
  ].join('\n')
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
