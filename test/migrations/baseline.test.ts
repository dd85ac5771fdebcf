import type { Connection } from '../../src/database/database.ts'
import { findMigrationNames, migrate } from '../../src/migrations/migrate.ts'
import { engines, root } from '../_app.ts'
import test from '../_test.ts'
import { type EmptyDatabases, execute, prepareEmpty, sql } from '../database/_databases.ts'
import { readCatalog } from './_catalog.ts'
import { anna, björn, dora, editor, rolePassword, seedRows, seedTables, translator } from './_seed.ts'

/** Objects of the seed that the gateway does not use; they stay. */
const extras = [
  /^(table|column|constraint|index) knex_migrations/,
  /^constraint "?(user|role|user_role)"? \1_id_unique UNIQUE \(id\)$/,
  /^index (user|role|user_role) CREATE UNIQUE INDEX \1_id_unique /,
  /^column role\.password character varying\(255\)$/,
]

const readRows = (connection: Connection) =>
  Promise.all([
    sql(
      connection,
      `SELECT id, username, password, created_at::text, active FROM "user" WHERE id <> $1 ORDER BY id`,
      [dora.id],
    ),
    sql(connection, 'SELECT id, name FROM role ORDER BY id'),
    sql(connection, 'SELECT id, user_id, role_id FROM user_role ORDER BY id'),
    sql(connection, 'SELECT * FROM knex_migrations ORDER BY id'),
  ])

for (const engine of engines) {
  let databases: EmptyDatabases
  test.before(`${engine}: prepare`, async () => {
    databases = await prepareEmpty(engine)
  })
  test.after.always(`${engine}: close`, () => databases?.close())

  const openSeed = async (script = '') => {
    const connection = await databases.open()
    await execute(connection, seedTables + seedRows + script)
    return connection
  }

  test.serial(`${engine}: a database of the seed is adopted with every row, id and hash`, async (t) => {
    const connection = await openSeed()
    const before = await readRows(connection)
    t.deepEqual(await migrate(connection, root), await findMigrationNames(root))
    t.deepEqual(await readRows(connection), before)
    t.deepEqual(await migrate(connection, root), [])
  })

  test.serial(
    `${engine}: a user whom the seed rejected, because active is null, is inactive afterwards`,
    async (t) => {
      const connection = await openSeed()
      await migrate(connection, root)
      const rows = await sql(
        connection,
        'SELECT active, created_at IS NULL AS undated FROM "user" WHERE id = $1',
        [dora.id],
      )
      t.deepEqual(rows, [{ active: false, undated: false }])
    },
  )

  test.serial(
    `${engine}: roles with the password of the seed's first version are adopted, and new ones need none`,
    async (t) => {
      const connection = await openSeed(rolePassword)
      await migrate(connection, root)
      await sql(connection, `INSERT INTO role (name) VALUES ('new')`)
      t.deepEqual(await sql(connection, 'SELECT name, password FROM role ORDER BY name'), [
        { name: 'Translator FR', password: 'unused' },
        { name: 'editor', password: 'unused' },
        { name: 'new', password: null },
      ])
    },
  )

  test.serial(
    `${engine}: rows of user_role with nulls, duplicates or dangling references are left out`,
    async (t) => {
      const unknown = '99999999-9999-4999-8999-999999999999'
      const connection = await openSeed(`
      ALTER TABLE user_role DROP CONSTRAINT user_role_user_id_foreign, DROP CONSTRAINT user_role_role_id_foreign;
      INSERT INTO user_role (user_id, role_id) VALUES (NULL, '${editor.id}'), ('${björn.id}', NULL), (NULL, NULL),
        ('${unknown}', '${editor.id}'), ('${björn.id}', '${unknown}');
      INSERT INTO user_role (id, user_id, role_id) VALUES
        ('f0000000-0000-4000-8000-000000000001', '${anna.id}', '${editor.id}'),
        ('f0000000-0000-4000-8000-000000000002', '${anna.id}', '${editor.id}'),
        ('f0000000-0000-4000-8000-000000000003', '${björn.id}', '${translator.id}');`)
      await migrate(connection, root)
      const kept = await sql<{ id: string }>(connection, 'SELECT id FROM user_role ORDER BY id')
      t.deepEqual(
        kept.map(({ id }) => id),
        [
          '00000000-0000-4000-8000-000000000001',
          '00000000-0000-4000-8000-000000000002',
          '00000000-0000-4000-8000-000000000003',
          '00000000-0000-4000-8000-000000000004',
          'f0000000-0000-4000-8000-000000000003',
        ],
      )
    },
  )

  test.serial(
    `${engine}: usernames that differ only by case or form are rejected by name, and nothing is changed`,
    async (t) => {
      const connection = await openSeed(`INSERT INTO "user" (username, password) VALUES
      ('ANNA', 'x'), ('björn ångström', 'x'), ('ﬁnn', 'x'), ('finn', 'x')`)
      const before = [await readCatalog(connection), await readRows(connection)]
      const error = await t.throwsAsync(migrate(connection, root), { message: /Rename these users first/ })
      for (const names of ['"ANNA", "anna"', '"Björn Ångström", "björn ångström"', '"finn", "ﬁnn"']) {
        const either = [names, names.split(', ').reverse().join(', ')]
        t.true(
          either.some((pair) => error?.message.includes(pair)),
          names,
        )
      }
      t.deepEqual([await readCatalog(connection), await readRows(connection)], before)
    },
  )

  test.serial(
    `${engine}: an adopted database has the schema of a new one, and the seed's own extras`,
    async (t) => {
      const empty = await databases.open()
      await migrate(empty, root)
      const fresh = await readCatalog(empty)
      const connection = await openSeed(rolePassword)
      await migrate(connection, root)
      const adopted = await readCatalog(connection)
      t.deepEqual(
        fresh.filter((line) => !adopted.includes(line)),
        [],
      )
      t.deepEqual(
        adopted.filter((line) => !fresh.includes(line) && !extras.some((extra) => extra.test(line))),
        [],
      )
    },
  )
}
