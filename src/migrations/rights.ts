import type { Connection } from '../database/database.ts'
import { quoteIdentifier } from '../database/schema.ts'

/** The tables that the gateway reads and writes. */
export const tables = [
  'user',
  'role',
  'user_role',
  'user_claim',
  'identity',
  'session',
  'signing_key',
  'authorization_code',
  'oauth_state',
  'rate_limit',
]

/**
 * A query for the functions in the indexes of the tables `$2` of the schema `$1`, by signature and oid. A user who
 * writes rows needs the right to execute them.
 */
export const indexFunctions = `SELECT DISTINCT p.oid, format('%s.%I(%s)', p.pronamespace::regnamespace, p.proname,
    pg_get_function_identity_arguments(p.oid)) AS signature
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname = $1
  JOIN pg_catalog.pg_index i ON i.indrelid = c.oid
  JOIN pg_catalog.pg_depend d ON d.objid = i.indexrelid AND d.classid = 'pg_catalog.pg_class'::regclass
  JOIN pg_catalog.pg_proc p ON p.oid = d.refobjid AND d.refclassid = 'pg_catalog.pg_proc'::regclass
  WHERE c.relname = ANY ($2::text[])`

/** Creates the statements that give a user the rights to serve from the tables in a schema. */
export function createGrants(schema: string, user: string) {
  const [here, to] = [quoteIdentifier(schema), `TO ${quoteIdentifier(user)}`]
  const onTables = 'GRANT SELECT, INSERT, UPDATE, DELETE ON'
  const later = `ALTER DEFAULT PRIVILEGES IN SCHEMA ${here}`
  return {
    schema: `GRANT USAGE ON SCHEMA ${here} ${to}`,
    history: `GRANT SELECT ON ${here}."_prisma_migrations" ${to}`,
    tables: (names: readonly string[]) =>
      `${onTables} ${names.map((name) => `${here}.${quoteIdentifier(name)}`).join(', ')} ${to}`,
    functions: (signatures: readonly string[]) => `GRANT EXECUTE ON FUNCTION ${signatures.join(', ')} ${to}`,
    /** For the tables and functions that the same owner creates later. */
    later: [`${later} ${onTables} TABLES ${to}`, `${later} GRANT EXECUTE ON FUNCTIONS ${to}`],
  }
}

const foreignTables = `SELECT c.relowner::regrole::text AS owner FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname = $1
  WHERE c.relname = ANY ($2::text[]) AND NOT pg_has_role(c.relowner, 'USAGE') LIMIT 1`

/**
 * Gives a user the rights to serve, also from the tables of later migrations, in one transaction. Returns the
 * statements. Throws when the user does not exist, and when the connection's user does not own the tables.
 */
export async function grantServing(
  connection: Pick<Connection, 'transact'>,
  user: string,
): Promise<string[]> {
  let statements: string[] = []
  await connection.transact(async (transaction) => {
    const schema = await transaction.schema()
    const [foreign] = await transaction.query<{ owner: string }>(
      { name: 'foreign_tables', text: foreignTables },
      [schema, tables],
    )
    // PostgreSQL only warns when a user grants rights that the user may not grant.
    if (foreign) throw new Error(`the tables belong to ${foreign.owner}; set DATABASE_URL to this user`)
    const functions = await transaction.query<{ signature: string }>(
      { name: 'index_functions', text: `${indexFunctions} ORDER BY signature` },
      [schema, tables],
    )
    const grants = createGrants(schema, user)
    statements = [
      grants.schema,
      grants.history,
      grants.tables(tables),
      grants.functions(functions.map(({ signature }) => signature)),
      ...grants.later,
    ]
    for (const statement of statements) await transaction.execute(statement)
    return null
  })
  return statements
}
