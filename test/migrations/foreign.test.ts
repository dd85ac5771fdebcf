import { isDeepStrictEqual } from 'node:util'
import type { Connection } from '../../src/database/database.ts'
import { findMigrationNames, loadMigration, migrate } from '../../src/migrations/migrate.ts'
import { engines, root } from '../_app.ts'
import test from '../_test.ts'
import { type EmptyDatabases, execute, prepareEmpty, sql } from '../database/_databases.ts'
import { readCatalog } from './_catalog.ts'
import { seedTables } from './_seed.ts'

const refused = [
  {
    what: 'a table "session" of the owner\'s',
    script: 'CREATE TABLE "session" ("sid" TEXT PRIMARY KEY, "sess" JSON NOT NULL)',
    message:
      /cannot be adopted; nothing was changed:\n {2}a table "session" exists already and was not made by the gateway/,
  },
  {
    what: 'a view "identity"',
    script: 'CREATE VIEW "identity" AS SELECT 1 AS "one"',
    message:
      /cannot be adopted; nothing was changed:\n {2}a view "identity" exists already and was not made by the gateway/,
  },
  {
    what: 'a function "notify_access" and a table "rate_limit" of the owner\'s, which only later migrations make,',
    script: `CREATE FUNCTION "notify_access"() RETURNS integer LANGUAGE sql AS 'SELECT 1';
      CREATE TABLE "rate_limit" ("id" INTEGER)`,
    message:
      /:\n {2}a function "notify_access" .*\n {2}a table "rate_limit" .*\nRename these objects, or set DATABASE_URL /,
  },
  {
    what: 'a type "session"',
    script: `CREATE TYPE "session" AS ENUM ('open', 'closed')`,
    message: /:\n {2}a type "session" exists already and was not made by the gateway\n/,
  },
  {
    what: 'a column "email" of the seed\'s table "user"',
    script: `${seedTables} ALTER TABLE "user" ADD COLUMN "email" TEXT`,
    message: /:\n {2}a column "email" of the table "user" exists already and was not made by the gateway\n/,
  },
  {
    what: 'a table "user" of another shape',
    script:
      'CREATE TABLE "user" ("id" SERIAL PRIMARY KEY, "username" TEXT, "password" TEXT, "active" BOOLEAN)',
    message:
      /cannot be adopted; nothing was changed:\n {2}the table "user" .* column "id"\n {2}the table "user" .* column "created_at"\nRename/,
  },
  {
    what: 'a table "role" without names and a "user_role" without users',
    script: 'CREATE TABLE "role" ("id" UUID); CREATE TABLE "user_role" ("id" UUID, "role_id" UUID)',
    message: /the table "role" .* column "name"\n {2}the table "user_role" .* column "user_id"\nRename/,
  },
  {
    what: 'a view "user"',
    script: `${seedTables.replaceAll('"user"', '"person"')} CREATE VIEW "user" AS SELECT * FROM "person"`,
    message:
      /nothing was changed:\n {2}"user" exists and is not a table but a view or a foreign table\nRename/,
  },
  {
    what: 'a table "user" without a key',
    script: `CREATE TABLE "user" ("id" UUID, "username" TEXT, "password" TEXT, "created_at" TIMESTAMP, "active" BOOLEAN)`,
    message:
      /:\n {2}the table "user" exists, and its column "id" is neither its primary key nor unique\nRename/,
  },
]

for (const engine of engines) {
  let databases: EmptyDatabases
  test.before(`${engine}: prepare`, async () => {
    databases = await prepareEmpty(engine)
  })
  test.after.always(`${engine}: close`, () => databases?.close())

  for (const { what, script, message } of refused) {
    test.serial(`${engine}: ${what} is rejected by name, and nothing is changed`, async (t) => {
      const connection = await databases.open()
      await execute(connection, script)
      const before = await readCatalog(connection)
      await t.throwsAsync(migrate(connection, root), { message })
      t.deepEqual(await readCatalog(connection), before)
    })
  }

  test.serial(
    `${engine}: an object of the owner with a name of a later migration is rejected by name before anything is changed`,
    async (t) => {
      const first = await databases.open()
      await execute(first, await loadMigration(root, (await findMigrationNames(root))[0] as string))
      const before = await readThings(first)
      await migrate(first, root)
      const made = (await readThings(first)).filter(
        (thing) => !before.some((b) => isDeepStrictEqual(b, thing)),
      )
      for (const kind of ['relation', 'function', 'trigger', 'column'])
        t.true(made.filter((thing) => thing.kind === kind).length > 3, kind)

      const connection = await databases.open()
      await execute(connection, seedTables + made.map(makeThing).join(''))
      const { message } = (await t.throwsAsync(migrate(connection, root))) as Error
      for (const { kind, name, table } of made) {
        const what = kind === 'relation' ? `view "${name}"` : `${kind} "${name}"`
        const where = table === null ? '' : ` of the table "${table}"`
        t.true(message.includes(` ${what}${where} exists already and was not made by the gateway\n`), name)
      }
      t.is(message.split('\n').length, made.length + 2)
    },
  )

  test.serial(`${engine}: tables, functions and other schemas of the owner's stay as they are`, async (t) => {
    const connection = await databases.open()
    await execute(
      connection,
      `
      CREATE TABLE "article" ("id" SERIAL PRIMARY KEY, "title" TEXT NOT NULL);
      INSERT INTO "article" ("title") VALUES ('one'), ('two');
      CREATE FUNCTION "set_updated_at"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
      CREATE SCHEMA IF NOT EXISTS "auth";
      CREATE TABLE IF NOT EXISTS "auth"."session" ("sid" TEXT);
      CREATE TABLE IF NOT EXISTS "auth"."user" ("id" INTEGER);`,
    )
    const before = await readCatalog(connection)
    t.deepEqual(await migrate(connection, root), await findMigrationNames(root))
    const after = new Set(await readCatalog(connection))
    t.deepEqual(
      before.filter((line) => !after.has(line)),
      [],
    )
    t.deepEqual(await sql(connection, 'SELECT title FROM article ORDER BY id'), [
      { title: 'one' },
      { title: 'two' },
    ])
  })

  test.serial(
    `${engine}: a database in which another program uses Prisma is checked before it is changed`,
    async (t) => {
      const connection = await databases.open()
      await execute(connection, `${history} ${record('init', 'now()')} CREATE TABLE "session" ("id" TEXT);`)
      await t.throwsAsync(migrate(connection, root), {
        message: /a table "session" exists already and was not made by the gateway/,
      })
      await execute(connection, 'DROP TABLE "session"')
      t.deepEqual(await migrate(connection, root), await findMigrationNames(root))
    },
  )

  test.serial(`${engine}: another program's failed migration is left to that program`, async (t) => {
    const connection = await databases.open()
    await execute(connection, `${history} ${record('init', 'now()')} ${record('broken', 'NULL')}`)
    t.deepEqual(await migrate(connection, root), await findMigrationNames(root))
    const rows = await sql(
      connection,
      `SELECT finished_at, rolled_back_at FROM _prisma_migrations WHERE id = 'broken'`,
    )
    t.deepEqual(rows, [{ finished_at: null, rolled_back_at: null }])
  })
}

type Thing = { kind: 'relation' | 'function' | 'trigger' | 'column'; name: string; table: string | null }

/** Lists the schema's objects of every kind that can have a name; triggers and columns of the seed's tables only. */
async function readThings(connection: Connection): Promise<Thing[]> {
  return sql<Thing>(
    connection,
    `SELECT 'relation' AS kind, relname::text AS name, NULL AS "table" FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE '\\_prisma%'
     UNION ALL SELECT 'function', proname::text, NULL FROM pg_proc WHERE pronamespace = 'public'::regnamespace
     UNION ALL SELECT 'trigger', t.tgname::text, c.relname::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
     WHERE NOT t.tgisinternal AND c.relname IN ('user', 'role', 'user_role')
     UNION ALL SELECT 'column', a.attname::text, c.relname::text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
     WHERE a.attnum > 0 AND c.relnamespace = 'public'::regnamespace AND c.relname IN ('user', 'role', 'user_role')
     ORDER BY 1, 2`,
  )
}

/** Returns the SQL of another object with the same name. */
function makeThing({ kind, name, table }: Thing): string {
  if (kind === 'relation') return `CREATE VIEW "${name}" AS SELECT 1 AS "one";`
  if (kind === 'function') return `CREATE FUNCTION "${name}"() RETURNS integer LANGUAGE sql AS 'SELECT 1';`
  if (kind === 'column') return `ALTER TABLE "${table}" ADD COLUMN "${name}" INTEGER;`
  return `CREATE TRIGGER "${name}" BEFORE UPDATE ON "${table}" FOR EACH ROW
    EXECUTE FUNCTION suppress_redundant_updates_trigger();`
}

const history = `CREATE TABLE _prisma_migrations (
  id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL, finished_at TIMESTAMPTZ,
  migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at TIMESTAMPTZ,
  started_at TIMESTAMPTZ NOT NULL DEFAULT now(), applied_steps_count INTEGER NOT NULL DEFAULT 0);`

const record = (name: string, finishedAt: string): string =>
  `INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at) VALUES ('${name}', 'x', '${name}', ${finishedAt});`
