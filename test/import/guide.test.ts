import { readFile } from 'node:fs/promises'
import bcrypt from 'bcrypt'
import { engines, root, startApp } from '../_app.ts'
import test from '../_test.ts'
import { importReport } from './_command.ts'
import { createSource, type SourceName } from './_sources.ts'

const id = (n: number) => `5b7d2b6e-3c0f-4a4e-9d5c-${String(n).padStart(12, '0')}`
const hash = bcrypt.hashSync('correct horse', 4)

/** Returns the blocks of SQL below a heading of the guide. */
async function sqlBelow(heading: string): Promise<string[]> {
  const page = await readFile(new URL('docs/how-to/hasura-auth.md', root), 'utf8')
  const [section = ''] = page.split(`\n## ${heading}\n`)[1]?.split('\n## ') ?? []
  return [...section.matchAll(/```sql\n([\s\S]*?)```/g)].map(([, text = '']) => text)
}

/** Two tables of the owner that refer to the users of the old server. */
const owned = (users: string) => `
  CREATE SCHEMA shop;
  CREATE TABLE shop."Order" (id int PRIMARY KEY, buyer uuid REFERENCES ${users} (id) ON DELETE CASCADE,
    seller uuid CONSTRAINT "the seller" REFERENCES ${users} (id) ON UPDATE CASCADE ON DELETE SET NULL DEFERRABLE);
  CREATE TABLE public.todo (id int PRIMARY KEY, "user" uuid NOT NULL REFERENCES ${users} (id));`

const fills: Partial<Record<SourceName, { users: string; fill: string }>> = {
  'hasura-auth': {
    users: 'auth.users',
    fill: `INSERT INTO auth.users (id, email, email_verified, password_hash, is_anonymous) VALUES
        ('${id(1)}', 'ada@example.com', true, '${hash}', false), ('${id(2)}', NULL, false, NULL, true)`,
  },
  'hasura-backend-plus': {
    users: 'public.users',
    fill: `INSERT INTO public.users (id) VALUES ('${id(1)}'), ('${id(2)}');
      INSERT INTO auth.accounts (user_id, email, password_hash, active, is_anonymous) VALUES
        ('${id(1)}', 'ada@example.com', '${hash}', true, false), ('${id(2)}', NULL, NULL, true, true)`,
  },
}

if (engines.includes('server')) {
  for (const [name, { users, fill }] of Object.entries(fills)) {
    test(`the SQL of the guide moves foreign keys from ${users} to "user", or changes nothing`, async (t) => {
      const source = await createSource(name as SourceName, `${fill}; ${owned(users)};`)
      const app = await startApp({ databaseUrl: source.url })
      t.teardown(() => app.close())
      t.is((await importReport([name, source.url], { env: { DATABASE_URL: source.url } })).users.imported, 1)
      const written = await sqlBelow('Foreign keys')
      const [missing = '', move = ''] = written.map((text) => text.replaceAll('auth.users', users))
      const keys = () =>
        source.sql(`SELECT conrelid::regclass::text AS "table", conname AS name, pg_get_constraintdef(oid) AS definition
          FROM pg_constraint WHERE contype = 'f' AND connamespace IN ('shop'::regnamespace, 'public'::regnamespace)
            AND conrelid IN ('shop."Order"'::regclass, 'todo'::regclass) ORDER BY 1, 2`)
      const before = await keys()
      t.is(before.length, 3)

      // A row of a user who was not imported stops all of it.
      await source.sql(`INSERT INTO todo VALUES (1, '${id(2)}')`)
      const columns = name === 'hasura-auth' ? missing : missing.replace('id, email', 'id')
      t.deepEqual(
        (await source.sql(columns)).map((row) => row.id),
        [id(2)],
      )
      await t.throwsAsync(source.sql(move), { message: /violates foreign key constraint/ })
      t.deepEqual(await keys(), before)

      await source.sql(`DELETE FROM todo; INSERT INTO shop."Order" VALUES (1, '${id(1)}', '${id(1)}')`)
      await source.sql(move)
      t.deepEqual(await keys(), [
        {
          table: 'shop."Order"',
          name: 'Order_buyer_fkey',
          definition: 'FOREIGN KEY (buyer) REFERENCES "user"(id) ON DELETE CASCADE',
        },
        {
          table: 'shop."Order"',
          name: 'the seller',
          definition:
            'FOREIGN KEY (seller) REFERENCES "user"(id) ON UPDATE CASCADE ON DELETE SET NULL DEFERRABLE',
        },
        { table: 'todo', name: 'todo_user_fkey', definition: 'FOREIGN KEY ("user") REFERENCES "user"(id)' },
      ])
      // The tables of the old server keep their own keys, and a second run finds nothing.
      await source.sql(move)
      t.is((await app.login('ada@example.com')).status, 200)
      const grace = await app.signup('grace')
      await source.sql(`INSERT INTO todo VALUES (2, '${grace.id}')`)
      await source.sql(`DELETE FROM "user" WHERE id = '${id(1)}'`)
      t.deepEqual(await source.sql('SELECT id FROM shop."Order"'), [])
    })
  }

  test('the SQL of the guide gives x-hasura-user-is-anonymous to present and new users, also in the first token', async (t) => {
    const source = await createSource('hasura-auth', fills['hasura-auth']?.fill)
    const app = await startApp({ databaseUrl: source.url })
    t.teardown(() => app.close())
    await importReport(['hasura-auth', source.url], { env: { DATABASE_URL: source.url } })
    const [sql = ''] = await sqlBelow('Hasura')
    await source.sql(sql)
    const ada = await app.login('ada@example.com')
    t.is((await app.claimsOf(ada.body.token))['x-hasura-user-is-anonymous'], 'false')
    const grace = await app.signup('grace')
    t.is((await app.claimsOf(grace.token))['x-hasura-user-is-anonymous'], 'false')
  })
} else {
  test('the guide is tested with a server only', (t) => t.pass())
}
