import type { Connection } from '../database/database.ts'

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

type Column = { table: string; column: string; type: string }

/** Something in the database; `table` is where a column or trigger is. */
type Thing = { kind: string; name: string; table: string | null }

/** The names that migrations give to what they make. */
type Made = { relations: string[]; functions: string[]; triggers: string[]; columns: string[] }

/**
 * Makes a database that has no history of migrations ready for them: tables of the seed stay as they are, with all
 * their rows, and the first migration adds those that are missing. Tables of other programs do not matter.
 * Throws, before anything is changed, when a table of one of the seed's names is something else, or there is already
 * something of a name that one of the `later` migrations gives to what it makes.
 */
export async function baselineExisting(
  connection: Connection,
  [firstMigration, ...later]: readonly [string, ...string[]],
): Promise<void> {
  const columns = await connection.query<Column>(
    {
      name: 'existing_columns',
      text: `SELECT table_name AS "table", column_name AS "column", data_type AS "type"
             FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = ANY ($1)`,
    },
    [Object.keys(expected)],
  )
  const made = findMade(later)
  const taken = await connection.query<Thing>({ name: 'taken_names', text: takenNames }, [
    Object.keys(expected),
    made.relations,
    made.functions,
    made.triggers,
    made.columns,
  ])
  const problems = [...taken.map(formatObject), ...findMissing(columns)]
  if (problems.length > 0) {
    throw new Error(
      `This database cannot be adopted; nothing was changed:\n${problems.map((p) => `  ${p}\n`).join('')}Rename what is in the way, or give the gateway a database of its own.`,
    )
  }
  await connection.execute(firstMigration)
}

const takenNames = `
WITH here AS (SELECT oid FROM pg_namespace WHERE nspname = current_schema()),
  adopted AS (SELECT c.oid, c.relname FROM pg_class c JOIN here ON here.oid = c.relnamespace WHERE c.relname = ANY ($1))
SELECT * FROM (
SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'view' WHEN 'i' THEN 'index' WHEN 'I' THEN 'index'
    WHEN 'S' THEN 'sequence' WHEN 'c' THEN 'type' ELSE 'table' END AS "kind", c.relname AS "name", NULL::name AS "table"
  FROM pg_class c JOIN here ON here.oid = c.relnamespace WHERE c.relname = ANY ($2)
UNION ALL
SELECT 'type', t.typname, NULL::name FROM pg_type t JOIN here ON here.oid = t.typnamespace
  WHERE t.typname = ANY ($2) AND t.typrelid = 0
UNION ALL
SELECT DISTINCT 'function', p.proname, NULL::name FROM pg_proc p JOIN here ON here.oid = p.pronamespace
  WHERE p.proname = ANY ($3)
UNION ALL
SELECT 'trigger', t.tgname, a.relname FROM pg_trigger t JOIN adopted a ON a.oid = t.tgrelid WHERE t.tgname = ANY ($4)
UNION ALL
SELECT 'column', c.attname, a.relname FROM pg_attribute c JOIN adopted a ON a.oid = c.attrelid
  WHERE NOT c.attisdropped AND a.relname || '.' || c.attname = ANY ($5)
) AS taken ORDER BY "kind" = 'index', "kind", "name"`

/** Read from their SQL, so that no migration can be forgotten; test/migrations/foreign.test.ts holds it to what they make. */
function findMade(migrations: readonly string[]): Made {
  const sql = migrations.join('\n')
  const namesOf = (pattern: RegExp) => [...sql.matchAll(pattern)].map(([, name]) => name as string)
  return {
    relations: namesOf(/\b(?:CREATE (?:\w+ )?(?:TABLE|VIEW|INDEX)|CONSTRAINT(?= "\w+_pkey")) "(\w+)"/g),
    functions: namesOf(/\bCREATE FUNCTION "(\w+)"/g),
    triggers: namesOf(/\bCREATE TRIGGER "(\w+)"/g),
    columns: [...sql.matchAll(/\bALTER TABLE "(\w+)"([^;]*)/g)].flatMap(([, table, changes = '']) =>
      [...changes.matchAll(/\bADD COLUMN\s+"(\w+)"/g)].map(([, column]) => `${table}.${column}`),
    ),
  }
}

function formatObject({ kind, name, table }: Thing): string {
  const where = table === null ? '' : ` of the table "${table}"`
  return `${kind === 'index' ? 'an' : 'a'} ${kind} "${name}"${where} that the gateway did not make exists already`
}

function findMissing(columns: readonly Column[]): string[] {
  const present = new Set(columns.map(({ table }) => table))
  return Object.entries(expected)
    .filter(([table]) => present.has(table))
    .flatMap(([table, wanted]) =>
      Object.entries(wanted)
        .filter(
          ([name, type]) => !columns.some((c) => c.table === table && c.column === name && type.test(c.type)),
        )
        .map(([name]) => `the table "${table}" exists but has no usable column "${name}"`),
    )
}
