import { hash as argon2Hash } from '@node-rs/argon2'
import bcrypt from 'bcrypt'
import { createMigratedDatabase, engines, startApp } from '../_app.ts'
import test from '../_test.ts'
import { importReport, runImport } from './_command.ts'
import { createSource, layoutOf, query } from './_sources.ts'

const ada = '2b7d2b6e-3c0f-4a4e-9d5c-000000000001'
const php = '2b7d2b6e-3c0f-4a4e-9d5c-000000000002'
const off = '2b7d2b6e-3c0f-4a4e-9d5c-000000000003'
const unset = '2b7d2b6e-3c0f-4a4e-9d5c-000000000004'

const hash = bcrypt.hashSync('correct horse', 4)
const argon2 = await argon2Hash('correct horse', {
  algorithm: 2,
  memoryCost: 1024,
  timeCost: 1,
  parallelism: 1,
})

const fill = `
  INSERT INTO "user" (id, username, password, active, created_at) VALUES
    ('${ada}', 'ada', '${hash}', true, '2019-01-27 16:10:09+00'),
    ('${php}', 'php', '${hash.replace('$2b$', '$2y$')}', true, now()),
    ('${off}', 'off', '${hash}', false, now()),
    ('${unset}', 'argon', '${argon2}', NULL, NULL);
  INSERT INTO role (name) VALUES ('user'), ('editor'), ('unused');
  INSERT INTO user_role (user_id, role_id) SELECT '${ada}', id FROM role WHERE name IN ('user', 'editor');
  INSERT INTO user_role (user_id, role_id) SELECT '${ada}', id FROM role WHERE name = 'editor';
  INSERT INTO user_role (user_id, role_id) SELECT NULL, id FROM role;`

if (engines.includes('server')) {
  test('seed: users keep id, username, password of any format, and roles', async (t) => {
    const source = await createSource('seed', fill)
    const app = await startApp({ databaseUrl: await createMigratedDatabase() })
    t.teardown(() => app.close())
    const report = await importReport(['seed', source.url], { env: { DATABASE_URL: app.config.databaseUrl } })
    t.like(report, {
      code: 0,
      users: { read: 4, imported: 4 },
      roles: { created: 1, granted: 1 },
      identities: { linked: 0 },
    })

    for (const [username, id] of Object.entries({ ada, php, argon: unset })) {
      const login = await app.login(username)
      t.is(login.body.id, id)
    }
    t.is((await app.login('off')).status, 401)
    const claims = await app.claimsOf((await app.login('ada')).body.token)
    t.like(claims, {
      'x-hasura-user-id': ada,
      'x-hasura-allowed-roles': ['editor', 'user'],
      'x-hasura-default-role': 'user',
    })
    t.deepEqual(await app.sql('SELECT created_at::text FROM "user" WHERE id = $1', [ada]), [
      { created_at: '2019-01-27 16:10:09+00' },
    ])
  })

  test('seed: only the first three columns of a user are required', async (t) => {
    const source = await createSource(
      'seed',
      `${fill}; ALTER TABLE "user" DROP COLUMN active, DROP COLUMN created_at`,
    )
    const databaseUrl = await createMigratedDatabase()
    const report = await importReport(['seed', source.url], { env: { DATABASE_URL: databaseUrl } })
    t.like(report, { code: 0, users: { imported: 4 } })
    t.deepEqual(await query(databaseUrl, 'SELECT count(*)::int FROM "user" WHERE active'), [{ count: 4 }])
  })

  test('seed: the database of the gateway itself is rejected unchanged, and the message says how to adopt it', async (t) => {
    const source = await createSource('seed', fill)
    // The same database under another URL.
    const other = source.url.replace('127.0.0.1', 'localhost')
    const { code, stdout, stderr } = await runImport(['seed', source.url], { env: { DATABASE_URL: other } })
    t.is(code, 78)
    t.is(stdout, '')
    t.regex(stderr, /claimgate migrate. instead: it adopts/)
    t.deepEqual(
      await source.sql(
        `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1`,
      ),
      [{ table_name: 'role' }, { table_name: 'user' }, { table_name: 'user_role' }],
    )
  })

  test('seed: users are imported from another schema of the same database, and not from the same schema', async (t) => {
    const source = await createSource(
      null,
      `CREATE SCHEMA old; SET search_path TO old; ${layoutOf('seed')} ${fill}; SET search_path TO public`,
    )
    const [from, to] = [`${source.url}?schema=old`, `${source.url}?schema=new`]
    const same = await runImport(['seed', from], { env: { DATABASE_URL: from } })
    t.is(same.code, 78)
    t.regex(same.stderr, /in the database and schema of the gateway itself/)
    const missing = await runImport(['seed', `${source.url}?schema=missing`], { env: { DATABASE_URL: to } })
    t.is(missing.code, 65)
    const report = await importReport(['seed', from], { env: { DATABASE_URL: to } })
    t.like(report, { code: 0, users: { imported: 4 } })
    t.deepEqual(
      await source.sql(
        'SELECT (SELECT count(*)::int FROM old."user"), (SELECT count(*)::int FROM new."user") AS new',
      ),
      [{ count: 4, new: 4 }],
    )
    t.deepEqual(await source.sql(`SELECT tablename FROM pg_tables WHERE schemaname = 'public'`), [])
  })
} else {
  test('importing is tested with a server only', (t) => t.pass())
}
