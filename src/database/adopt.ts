import type { Connection } from './database.ts'

// What the gateway needs to find in tables that were there before it, and their types.
const expected: Record<string, Record<string, RegExp>> = {
  user: {
    id: /^uuid$/,
    username: /^(character varying|text)$/,
    password: /^(character varying|text)$/,
    created_at: /^timestamp/,
    active: /^boolean$/,
  },
  role: { id: /^uuid$/, name: /^(character varying|text)$/ },
  user_role: { id: /^uuid$/, user_id: /^uuid$/, role_id: /^uuid$/ },
}

const own = ['identity', 'session', 'signing_key', 'authorization_code', 'oauth_state', 'user_claim']

type Column = { table: string; column: string; type: string }

/**
 * Makes a database that has no history of migrations ready for them: tables of the seed stay as they are, with all
 * their rows, and `firstMigration` adds those that are missing. Tables of other programs do not matter.
 * Throws, before anything is changed, when a table of one of our names is something else.
 */
export async function adoptExisting(connection: Connection, firstMigration: string): Promise<void> {
  const columns = await connection.query<Column>(
    {
      name: 'existing_columns',
      text: `SELECT table_name AS "table", column_name AS "column", data_type AS "type"
             FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = ANY ($1)`,
    },
    [[...Object.keys(expected), ...own]],
  )
  const problems = findProblems(columns)
  if (problems.length > 0) {
    throw new Error(
      `This database cannot be adopted; nothing was changed:\n${problems.map((p) => `  ${p}`).join('\n')}`,
    )
  }
  await connection.execute(firstMigration)
}

function findProblems(columns: Column[]): string[] {
  const present = new Set(columns.map(({ table }) => table))
  const foreign = own.filter((table) => present.has(table))
  const missing = Object.entries(expected)
    .filter(([table]) => present.has(table))
    .flatMap(([table, wanted]) =>
      Object.entries(wanted)
        .filter(
          ([name, type]) => !columns.some((c) => c.table === table && c.column === name && type.test(c.type)),
        )
        .map(([name]) => `the table "${table}" exists but has no usable column "${name}"`),
    )
  return [
    ...foreign.map((table) => `a table "${table}" that the gateway did not make exists already`),
    ...missing,
  ]
}
