import type { Connection } from '../database/database.ts'

// Required columns of existing tables, and their types.
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

/** An object of the database; `table` is the table of a column or trigger. */
type Thing = { kind: string; name: string; table: string | null }

/** The names of the objects that migrations create. */
type Made = { relations: string[]; functions: string[]; triggers: string[]; columns: string[] }

/**
 * Checks that the migrations can adopt a database without a migration history. Existing tables of the seed keep their
 * columns and rows, and the first migration creates the missing tables. Tables of other programs are ignored.
 * Throws when a seed name belongs to a view, when its table lacks a required column or the key, or when an object has a name that one of the `later`
 * migrations creates.
 */
export async function checkAdoption(
  connection: Pick<Connection, 'query' | 'schema'>,
  later: readonly string[],
): Promise<void> {
  const schema = await connection.schema()
  const columns = await connection.query<Column>(
    {
      name: 'existing_columns',
      text: `SELECT table_name AS "table", column_name AS "column", data_type AS "type"
             FROM information_schema.columns WHERE table_schema = $1 AND table_name = ANY ($2)`,
    },
    [schema, Object.keys(expected)],
  )
  const made = findMade(later)
  const taken = await connection.query<Thing>({ name: 'taken_names', text: takenNames }, [
    Object.keys(expected),
    made.relations,
    made.functions,
    made.triggers,
    made.columns,
    schema,
  ])
  const shapes = await connection.query<Shape>({ name: 'existing_tables', text: existingTables }, [
    schema,
    Object.keys(expected),
  ])
  const problems = [...taken.map(formatObject), ...shapes.flatMap(findMisshapen), ...findMissing(columns)]
  if (problems.length > 0) {
    throw new Error(
      `This database cannot be adopted; nothing was changed:\n${problems.map((p) => `  ${p}\n`).join('')}Rename these objects, or set DATABASE_URL to another database.`,
    )
  }
}

/** A relation with the name of a table of the seed. `hasKey` says that foreign keys may refer to its column id. */
type Shape = { name: string; isTable: boolean; hasKey: boolean }

const existingTables = `
SELECT c.relname AS "name", c.relkind IN ('r', 'p') AS "isTable", EXISTS (
    SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'id'
    WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indpred IS NULL AND i.indkey::text = a.attnum::text
  ) AS "hasKey"
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = ANY ($2) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
ORDER BY c.relname`

function findMisshapen({ name, isTable, hasKey }: Shape): string[] {
  if (!isTable) return [`"${name}" exists and is not a table but a view or a foreign table`]
  if (hasKey || name === 'user_role') return []
  return [`the table "${name}" exists, and its column "id" is neither its primary key nor unique`]
}

const takenNames = `
WITH here AS (SELECT oid FROM pg_namespace WHERE nspname = $6),
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

/** Reads the names from the SQL of all migrations; test/migrations/foreign.test.ts compares them with the database. */
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
  return `${kind === 'index' ? 'an' : 'a'} ${kind} "${name}"${where} exists already and was not made by the gateway`
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
