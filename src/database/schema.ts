/** The tables, views and functions of the gateway. A statement writes them in braces: `FROM {user} u`. */
const names = new Set([
  'user',
  'role',
  'user_role',
  'identity',
  'session',
  'signing_key',
  'authorization_code',
  'oauth_state',
  'user_claim',
  'rate_limit',
  'user_claims_version',
  'username_key',
  'email_key',
  '_prisma_migrations',
])

/** The schema that has all objects of the gateway. Nothing else in the database has to be in it. */
export type Schema = {
  /** Returns the name of the schema. Throws when the database cannot be read, and when no schema is usable. */
  schema(): Promise<string>
  /**
   * Puts the schema into a statement: `{user}` becomes `"auth"."user"`, so that no search_path and no table of another
   * program matters. Throws for an unknown name in braces, and the errors of `schema`.
   */
  qualify(text: string): Promise<string>
}

/** Creates the schema of a connection. `find` is called once; after a failure it is called again. */
export function createSchema(find: () => Promise<string>): Schema {
  let found: Promise<string> | undefined
  const compiled = new Map<string, string>()
  const schema = () => {
    found ??= find().catch((error) => {
      found = undefined
      throw error
    })
    return found
  }
  return {
    schema,
    qualify: async (text) => {
      const known = compiled.get(text)
      if (known !== undefined) return known
      const qualified = qualifyNames(text, await schema())
      compiled.set(text, qualified)
      return qualified
    },
  }
}

function qualifyNames(text: string, schema: string): string {
  return text.replace(/\{([a-z_]+)\}/g, (_, name: string) => {
    if (!names.has(name)) throw new Error(`A statement has an unknown name in braces: ${name}`)
    return `${quoteIdentifier(schema)}."${name}"`
  })
}

/**
 * Returns the statement that puts a schema first in the search_path of a transaction. The others stay, because triggers
 * of other programs may need them.
 */
export function putFirst(schema: string): string {
  const rest = "nullif(current_setting('search_path'), '')"
  return `SELECT set_config('search_path', concat_ws(', ', ${quoteLiteral(quoteIdentifier(schema))}, ${rest}), true)`
}

function quoteLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** Returns a name as SQL writes it. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

// The defaults of the session, because a pooler may give a connection whose search_path another client has set. The
// setting ends with the implicit transaction of both statements.
const readPath = (path: string) => `SELECT set_config('search_path', ${path}, true)
  FROM pg_catalog.pg_settings WHERE name = 'search_path';
SELECT current_schema() AS first, current_setting('search_path') AS path, current_user AS "user", (
    SELECT s.name FROM unnest(current_schemas(false)) WITH ORDINALITY AS s (name, position)
    WHERE to_regclass(format('%I.signing_key', s.name)) IS NOT NULL
      AND to_regclass(format('%I.user_claims_version', s.name)) IS NOT NULL
    ORDER BY s.position LIMIT 1) AS populated`

/** A search_path, and the first schema of it that has the tables of a gateway. */
type Path = { first: string | null; path: string; user: string; populated: string | null }

/**
 * Finds the first schema of `path`, the search_path of the connection string, or else of the search_path of role and
 * database. `run` runs a script as one transaction and returns the rows of its last statement.
 * Throws when no schema of it exists. Throws when a later schema of it has the tables of a gateway and the first has
 * not: a new schema must not hide the users of a deployment.
 */
export async function findSchema(
  run: (script: string) => Promise<unknown[]>,
  path?: string,
): Promise<string> {
  const [found] = (await run(readPath(path === undefined ? 'reset_val' : quoteLiteral(path)))) as Path[]
  if (!found?.first) {
    const { path: asked = '', user = '' } = found ?? {}
    throw new Error(
      `No schema of the search_path (${asked}) exists, or the user ${user} may not use it. Create one, such as CREATE SCHEMA "auth" AUTHORIZATION ${quoteIdentifier(user)}, and add ?schema=auth to DATABASE_URL.`,
    )
  }
  const { first, populated } = found
  if (populated !== null && populated !== first)
    throw new Error(
      `The search_path (${found.path}) begins with the schema "${first}", but the gateway's tables are in the schema "${populated}". Add ?schema=${populated} to DATABASE_URL to use them, or ?schema=${first} to begin with new tables.`,
    )
  return first
}
