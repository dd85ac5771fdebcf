import test from 'ava'
import { migrate } from '../../src/database/migrate.ts'
import { findMigrationNames } from '../../src/database/migrations.ts'
import { engines, root } from '../_app.ts'
import { readCatalog } from './_catalog.ts'
import { type EmptyDatabases, prepareEmpty, sql } from './_databases.ts'

const refused = [
  {
    what: 'a table "session" of the owner\'s',
    script: 'CREATE TABLE "session" ("sid" TEXT PRIMARY KEY, "sess" JSON NOT NULL)',
    message:
      /cannot be adopted; nothing was changed:\n {2}a table "session" that the gateway did not make exists/,
  },
  {
    what: 'a view "identity"',
    script: 'CREATE VIEW "identity" AS SELECT 1 AS "one"',
    message:
      /cannot be adopted; nothing was changed:\n {2}a table "identity" that the gateway did not make exists/,
  },
  {
    what: 'a table "user" of another shape',
    script:
      'CREATE TABLE "user" ("id" SERIAL PRIMARY KEY, "username" TEXT, "password" TEXT, "active" BOOLEAN)',
    message:
      /cannot be adopted; nothing was changed:\n {2}the table "user" .* column "id"\n {2}the table "user" .* column "created_at"$/,
  },
  {
    what: 'a table "role" without names and a "user_role" without users',
    script: 'CREATE TABLE "role" ("id" UUID); CREATE TABLE "user_role" ("id" UUID, "role_id" UUID)',
    message: /the table "role" .* column "name"\n {2}the table "user_role" .* column "user_id"$/,
  },
]

for (const engine of engines) {
  let databases: EmptyDatabases
  test.before(`${engine}: prepare`, async () => {
    databases = await prepareEmpty(engine)
  })
  test.after.always(`${engine}: close`, () => databases?.close())

  for (const { what, script, message } of refused) {
    test.serial(`${engine}: ${what} is refused by name, and nothing is changed`, async (t) => {
      const connection = await databases.open()
      await connection.execute(script)
      const before = await readCatalog(connection)
      await t.throwsAsync(migrate(connection, root), { message })
      t.deepEqual(await readCatalog(connection), before)
    })
  }

  test.serial(`${engine}: tables, functions and other schemas of the owner's stay as they are`, async (t) => {
    const connection = await databases.open()
    await connection.execute(`
      CREATE TABLE "article" ("id" SERIAL PRIMARY KEY, "title" TEXT NOT NULL);
      INSERT INTO "article" ("title") VALUES ('one'), ('two');
      CREATE FUNCTION "set_updated_at"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
      CREATE SCHEMA IF NOT EXISTS "auth";
      CREATE TABLE IF NOT EXISTS "auth"."session" ("sid" TEXT);
      CREATE TABLE IF NOT EXISTS "auth"."user" ("id" INTEGER);`)
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
    `${engine}: a database in which another program uses Prisma is looked at before it is changed`,
    async (t) => {
      const connection = await databases.open()
      await connection.execute(`${history} ${record('init', 'now()')} CREATE TABLE "session" ("id" TEXT);`)
      await t.throwsAsync(migrate(connection, root), {
        message: /a table "session" that the gateway did not make/,
      })
      await connection.execute('DROP TABLE "session"')
      t.deepEqual(await migrate(connection, root), await findMigrationNames(root))
    },
  )

  test.serial(
    `${engine}: another program's failed migration is named and left to that program`,
    async (t) => {
      const connection = await databases.open()
      await connection.execute(`${history} ${record('init', 'now()')} ${record('broken', 'NULL')}`)
      await t.throwsAsync(migrate(connection, root), { message: /`broken` migration .* failed/ })
      const rows = await sql(
        connection,
        `SELECT finished_at, rolled_back_at FROM _prisma_migrations WHERE id = 'broken'`,
      )
      t.deepEqual(rows, [{ finished_at: null, rolled_back_at: null }])
    },
  )
}

const history = `CREATE TABLE _prisma_migrations (
  id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL, finished_at TIMESTAMPTZ,
  migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at TIMESTAMPTZ,
  started_at TIMESTAMPTZ NOT NULL DEFAULT now(), applied_steps_count INTEGER NOT NULL DEFAULT 0);`

const record = (name: string, finishedAt: string): string =>
  `INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at) VALUES ('${name}', 'x', '${name}', ${finishedAt});`
