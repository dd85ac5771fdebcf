import { migrate } from '../../src/migrations/migrate.ts'
import { engines, root } from '../_app.ts'
import test from '../_test.ts'
import { type EmptyDatabases, execute, prepareEmpty, sql } from '../database/_databases.ts'
import { readCatalog } from './_catalog.ts'
import { anna, editor, seedRows, seedTables } from './_seed.ts'

// Additions of a Hasura project's owner to the seed's tables: views, referring tables, columns.
const owners = `
CREATE VIEW active_user AS SELECT id, username, created_at, active FROM "user" WHERE active;
CREATE VIEW user_editor AS SELECT u.username, r.name FROM "user" u
  JOIN user_role ur ON ur.user_id = u.id JOIN role r ON r.id = ur.role_id;
CREATE TABLE article (id SERIAL PRIMARY KEY, author UUID REFERENCES "user" (id),
  author_name VARCHAR REFERENCES "user" (username), needs_role VARCHAR REFERENCES role (name));
INSERT INTO article (author, author_name, needs_role) VALUES ('${anna.id}', 'anna', '${editor.name}');
CREATE TABLE team (id UUID PRIMARY KEY);
ALTER TABLE user_role ADD COLUMN team_id UUID CONSTRAINT user_role_team REFERENCES team (id);
ALTER TABLE "user" ADD COLUMN locale TEXT NOT NULL DEFAULT 'en';`

for (const engine of engines) {
  let databases: EmptyDatabases
  test.before(`${engine}: prepare`, async () => {
    databases = await prepareEmpty(engine)
  })
  test.after.always(`${engine}: close`, () => databases?.close())

  test.serial(
    `${engine}: an adoption keeps the owner's views on the seed's tables and their answers`,
    async (t) => {
      const connection = await databases.open()
      await execute(connection, seedTables + seedRows + owners)
      const answers = async () => [
        await sql(connection, 'SELECT * FROM active_user ORDER BY username'),
        await sql(connection, 'SELECT * FROM user_editor ORDER BY username, name'),
      ]
      const before = await answers()
      await migrate(connection, root)
      t.deepEqual(await answers(), before)
    },
  )

  test.serial(
    `${engine}: an adoption keeps the owner's columns, tables, and references to and from the seed's`,
    async (t) => {
      const connection = await databases.open()
      await execute(connection, seedTables + seedRows + owners)
      const isOwners = (line: string) => /article|team|locale/.test(line)
      const before = (await readCatalog(connection)).filter(isOwners)
      await migrate(connection, root)
      const after = await readCatalog(connection)
      t.deepEqual(after.filter(isOwners), before)
      await t.throwsAsync(sql(connection, `DELETE FROM role WHERE name = '${editor.name}'`), {
        message: /article_needs_role_fkey/,
      })
    },
  )
}
