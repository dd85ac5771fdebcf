import type { Connection } from '../database/database.ts'
import { quoteIdentifier } from '../database/schema.ts'
import { createGrants, indexFunctions, tables } from './rights.ts'

/** An unmet requirement: what is missing, and what to do. */
export type Problem = { detail: string; cure: string }

type Facts = {
  version: string
  versionNumber: number
  encoding: string
  database: string
  user: string
  schema: string
  isReadOnly: boolean
  hasSchema: boolean
  mayCreateSchema: boolean
  mayUseSchema: boolean
  mayCreate: boolean
  mayReadHistory: boolean
  /** Tables of other owners, and tables on which a right is missing. */
  foreign: string[]
  closed: string[]
  /** Functions of indexes that the user may not execute, as SQL writes them. */
  closedFunctions: string[]
}

const facts = {
  name: 'requirements',
  text: `WITH here AS (SELECT c.oid, c.relname, c.relowner FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind IN ('r', 'p'))
    SELECT current_setting('server_version') AS "version",
      current_setting('server_version_num')::int AS "versionNumber",
      current_setting('server_encoding') AS "encoding",
      current_database()::text AS "database", current_user::text AS "user", $1 AS "schema",
      pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on' AS "isReadOnly",
      EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1) AS "hasSchema",
      has_database_privilege(current_database(), 'CREATE') AS "mayCreateSchema",
      EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1 AND has_schema_privilege(oid, 'USAGE'))
        AS "mayUseSchema",
      EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1 AND has_schema_privilege(oid, 'CREATE')
        AND has_schema_privilege(oid, 'USAGE')) AS "mayCreate",
      NOT EXISTS (SELECT FROM here WHERE relname = '_prisma_migrations' AND NOT has_table_privilege(oid, 'SELECT'))
        AS "mayReadHistory",
      ARRAY(SELECT relname::text FROM here WHERE relname = ANY ($2::text[]) AND NOT pg_has_role(relowner, 'USAGE')
        ORDER BY 1) AS "foreign",
      ARRAY(SELECT relname::text FROM here WHERE relname = ANY ($2::text[]) AND NOT (
        has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
        AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE')) ORDER BY 1) AS "closed",
      ARRAY(SELECT signature FROM (${indexFunctions}) AS f WHERE NOT has_function_privilege(f.oid, 'EXECUTE')
        ORDER BY 1) AS "closedFunctions"`,
}

type Requirement = { isMet(facts: Facts): boolean; problem(facts: Facts): Problem }

const always: readonly Requirement[] = [
  {
    isMet: ({ versionNumber }) => versionNumber >= 130000,
    problem: ({ version }) => ({
      detail: `The server is PostgreSQL ${version}`,
      cure: 'Claimgate needs PostgreSQL 13 or newer.',
    }),
  },
  {
    isMet: ({ encoding }) => encoding === 'UTF8',
    problem: ({ database, encoding }) => ({
      detail: `The database ${quoteIdentifier(database)} has the encoding ${encoding}, and Claimgate needs UTF8`,
      cure: `Create another database, and set DATABASE_URL to it: CREATE DATABASE "claimgate" ENCODING 'UTF8' TEMPLATE template0`,
    }),
  },
  {
    isMet: ({ hasSchema, mayCreateSchema }) => hasSchema || mayCreateSchema,
    problem: ({ schema, user }) => ({
      detail: `The schema ${quoteIdentifier(schema)} does not exist, and the user ${quoteIdentifier(user)} may not create it`,
      cure: `As the owner of the database, run: CREATE SCHEMA ${quoteIdentifier(schema)} AUTHORIZATION ${quoteIdentifier(user)}`,
    }),
  },
  {
    isMet: ({ hasSchema, mayUseSchema }) => !hasSchema || mayUseSchema,
    problem: ({ schema, user }) => ({
      detail: `The user ${quoteIdentifier(user)} has no USAGE right on the schema ${quoteIdentifier(schema)}`,
      cure: grantingCure(user, createGrants(schema, user).schema),
    }),
  },
  {
    isMet: ({ mayReadHistory }) => mayReadHistory,
    problem: ({ schema, user }) => ({
      detail: `The user ${quoteIdentifier(user)} has no SELECT right on the table "_prisma_migrations"`,
      cure: grantingCure(user, createGrants(schema, user).history),
    }),
  },
]

const toMigrate: readonly Requirement[] = [
  {
    isMet: ({ hasSchema, mayCreate }) => !hasSchema || mayCreate,
    problem: ({ schema, user }) => ({
      detail: `Migrations are pending, and the user ${quoteIdentifier(user)} may not create tables in the schema ${quoteIdentifier(schema)}`,
      cure: `Run claimgate migrate as the owner of the schema, or run: GRANT CREATE, USAGE ON SCHEMA ${quoteIdentifier(schema)} TO ${quoteIdentifier(user)}`,
    }),
  },
  {
    isMet: ({ foreign }) => foreign.length === 0,
    problem: ({ foreign, user }) => ({
      detail: `Migrations are pending, and the user ${quoteIdentifier(user)} does not own ${listTables(foreign)}`,
      cure: 'Run claimgate migrate with the DATABASE_URL of the owner.',
    }),
  },
]

const toServe: readonly Requirement[] = [
  {
    isMet: ({ closed }) => closed.length === 0,
    problem: ({ closed, schema, user }) => ({
      detail: `The user ${quoteIdentifier(user)} lacks rights on ${listTables(closed)}`,
      cure: grantingCure(user, createGrants(schema, user).tables(closed)),
    }),
  },
  {
    isMet: ({ closedFunctions }) => closedFunctions.length === 0,
    problem: ({ closedFunctions, schema, user }) => ({
      detail: `The user ${quoteIdentifier(user)} may not execute ${closedFunctions.join(', ')}`,
      cure: grantingCure(user, createGrants(schema, user).functions(closedFunctions)),
    }),
  },
]

function grantingCure(user: string, statement: string): string {
  return `As the owner, run claimgate migrate --grant ${quoteIdentifier(user)}, or run: ${statement}`
}

function listTables(names: readonly string[]): string {
  return `${names.length === 1 ? 'the table' : 'the tables'} ${names.map(quoteIdentifier).join(', ')}`
}

// The database raises the error, because the pool then closes the connection. The setting belongs to a connection.
const raiseReadOnly = {
  name: 'raise_read_only',
  text: `DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'read_only_sql_transaction',
    MESSAGE = 'The server is read-only, as a standby is, and Claimgate needs a server that accepts writes'; END $$`,
}

/**
 * Returns the unmet requirements of a database before anything is changed. `readPending` returns the pending migrations.
 * Throws on a read-only server, with the code of a temporary failure: a failover makes it writable.
 */
export async function findProblems(
  connection: Pick<Connection, 'query' | 'schema'>,
  readPending: () => Promise<readonly string[]>,
): Promise<Problem[]> {
  const [found] = await connection.query<Facts>(facts, [await connection.schema(), tables])
  if (!found) throw new Error('The database returned no settings')
  const unmetOf = (requirements: readonly Requirement[]) =>
    requirements.filter(({ isMet }) => !isMet(found)).map(({ problem }) => problem(found))
  const problems = unmetOf(always)
  if (problems.length > 0) return problems
  if (found.isReadOnly) await connection.query(raiseReadOnly, [])
  return unmetOf((await readPending()).length > 0 ? toMigrate : toServe)
}

/** Fails on a read-only server, also after a failover, and changes and locks nothing. */
export const requireWritable = {
  name: 'require_writable',
  text: 'SELECT FROM {signing_key} LIMIT 0 FOR KEY SHARE',
}
