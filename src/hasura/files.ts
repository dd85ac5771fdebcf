import { toCalls } from './calls.ts'
import type { TrackedTable } from './tables.ts'
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
