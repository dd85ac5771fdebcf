import bcrypt from 'bcrypt'
import { createMigratedDatabase, engines, startApp } from '../_app.ts'
import test from '../_test.ts'
import { importReport, runImport } from './_command.ts'
import { createSource, query } from './_sources.ts'

const id = (n: number) => `3b7d2b6e-3c0f-4a4e-9d5c-${String(n).padStart(12, '0')}`
const hash = bcrypt.hashSync('correct horse', 4)
const pageSizes = [1000, 1]

if (engines.includes('server')) {
  test('a problem with one user keeps no other user out, and nothing is overwritten', async (t) => {
    const app = await startApp({ databaseUrl: await createMigratedDatabase() })
    t.teardown(() => app.close())
    const mine = await app.signup('Taken@Example.com', 'mine')
    await app.sql(`UPDATE "user" SET email = 'proven@example.com', email_verified = true WHERE id = $1`, [
      mine.id,
    ])
    await app.sql(`INSERT INTO identity (provider, subject, user_id) VALUES ('github', '1', $1)`, [mine.id])
    const source = await createSource(
      'hasura-auth',
      `INSERT INTO auth.users (id, email, email_verified, password_hash) VALUES
         ('${id(1)}', 'taken@example.com', true, '${hash}'),
         ('${id(2)}', 'Proven@example.com', true, '${hash}'),
         ('${id(3)}', 'github@example.com', true, '${hash}'),
         ('${id(4)}', 'md5@example.com', true, '5f4dcc3b5aa765d61d8327deb882cf99'),
         ('${id(5)}', E'bad\\u202e@example.com', true, '${hash}'),
         ('${id(6)}', NULL, false, NULL),
         ('${id(7)}', 'fine@example.com', true, '${hash}');
       INSERT INTO auth.user_providers (user_id, provider_id, provider_user_id) VALUES
         ('${id(3)}', 'github', '1'), ('${id(3)}', 'google', '2'), ('${id(7)}', 'github', 'undefined');`,
    )
    const env = { DATABASE_URL: app.config.databaseUrl }
    const rehearsed = await importReport(['hasura-auth', source.url, '--dry-run'], { env })
    const report = await importReport(['hasura-auth', source.url], { env })
    t.is(report.code, 1)
    t.like(report.users, { read: 7, imported: 4, present: 0, refused: 3 })
    t.deepEqual(
      report.problems.kept.map(({ code, userId }) => [code, userId]),
      [
        ['username_taken', id(1)],
        ['email_taken', id(2)],
        ['identity_taken', id(3)],
        ['unknown_hash', id(4)],
        ['invalid_username', id(5)],
        ['no_username', id(6)],
        ['invalid_identity', id(7)],
      ],
    )
    t.deepEqual({ ...rehearsed, dryRun: false }, report)

    t.is((await app.login('taken@example.com', 'mine')).body.id, mine.id)
    t.is((await app.login('proven@example.com')).body.id, id(2))
    t.is((await app.login('github@example.com')).body.id, id(3))
    t.is((await app.login('fine@example.com')).body.id, id(7))
    t.is((await app.login('md5@example.com', 'password')).status, 401)
    t.deepEqual(
      await app.sql(
        `SELECT id, email, email_verified FROM "user" WHERE lower(email) = 'proven@example.com' ORDER BY id`,
      ),
      [
        { id: id(2), email: 'Proven@example.com', email_verified: false },
        { id: mine.id, email: 'proven@example.com', email_verified: true },
      ].sort((a, b) => (a.id < b.id ? -1 : 1)),
    )
    t.deepEqual(await app.sql('SELECT provider, user_id FROM identity ORDER BY 1'), [
      { provider: 'github', user_id: mine.id },
      { provider: 'google', user_id: id(3) },
    ])

    // The problems are reported again, except for a user who has a password by now.
    const again = await importReport(['hasura-auth', source.url], { env })
    t.like(again.users, { imported: 0, present: 4, refused: 3 })
    t.deepEqual(again.problems, report.problems)
    await app.sql('UPDATE "user" SET password = $2 WHERE id = $1', [id(4), hash])
    t.is((await importReport(['hasura-auth', source.url], { env })).problems.counts.unknown_hash, undefined)
  })

  for (const pageSize of pageSizes) {
    test(`of two users whose names differ by case, the first is imported (${pageSize} at a time)`, async (t) => {
      const source = await createSource(
        'seed',
        `INSERT INTO "user" (id, username, password) VALUES
          ('${id(1)}', 'Bob', '${hash}'), ('${id(2)}', 'bob', '${hash}'), ('${id(3)}', 'ｂｏｂ', '${hash}')`,
      )
      const DATABASE_URL = await createMigratedDatabase()
      const options = { env: { DATABASE_URL }, pageSize }
      const rehearsed = await importReport(['seed', source.url, '--dry-run'], options)
      const report = await importReport(['seed', source.url], options)
      t.deepEqual(report.problems.counts, { username_taken: 2 })
      t.true(report.problems.kept.every(({ detail }) => detail === `by ${id(1)}`))
      t.deepEqual(rehearsed.problems, report.problems)
      t.deepEqual(await query(DATABASE_URL, 'SELECT id FROM "user"'), [{ id: id(1) }])
    })
  }

  test('a thousand problems are counted, and fifty shown', async (t) => {
    const source = await createSource(
      'seed',
      `INSERT INTO "user" (username, password) SELECT ' ' || n || E'\\n\\u001b[31m', 'x' FROM generate_series(1, 1000) n`,
    )
    const env = { DATABASE_URL: await createMigratedDatabase() }
    const { code, stdout } = await runImport(['seed', source.url], { env })
    t.is(code, 1)
    t.regex(
      stdout,
      /1000 problems:\n {2}invalid_username {2}1000 {2}\(left out: the username is not valid here\)\n/,
    )
    t.regex(stdout, /… and 950 more\n/)
    t.regex(stdout, /\\u\{a\}\\u\{1b\}\[31m/)
    t.false(stdout.includes('\u001b'))
    t.is(
      stdout.split('\n').filter((line) => line.includes('has a control or invisible character')).length,
      50,
    )
  })
} else {
  test('importing is tested with a server only', (t) => t.pass())
}
