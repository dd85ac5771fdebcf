import { once } from 'node:events'
import { createMigratedDatabase, engines } from '../_app.ts'
import test from '../_test.ts'
import { importReport, runImport, secret, startImport } from './_command.ts'
import { createSource, dumpTarget, fillMany, query, sourceNames } from './_sources.ts'

const dump = (url: string) => dumpTarget((text) => query(url, text))

if (engines.includes('server')) {
  for (const name of sourceNames) {
    test(`${name}: a dry run changes nothing and reports what the import does; a second import changes nothing and says so`, async (t) => {
      const source = await createSource(name, fillMany(name, 25))
      const DATABASE_URL = await createMigratedDatabase()
      const options = { env: { DATABASE_URL }, pageSize: 10 }
      const sourceBefore = await source.sql(
        'SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) AS n FROM pg_stat_user_tables',
      )

      const empty = await dump(DATABASE_URL)
      const rehearsed = await importReport([name, source.url, '--dry-run'], options)
      t.is(await dump(DATABASE_URL), empty)
      t.is(rehearsed.users.imported, 25)
      const text = await runImport([name, source.url, '--dry-run'], options, { isTTY: true })
      t.regex(text.stderr, /^\r\[#{12}\.{18}\] 40 %, 10 of 25 users, .* per second\r.*\r.*\n$/)
      t.regex(text.stdout, /To import: 25 users, .*\nNothing was changed\.\n$/)

      const report = await importReport([name, source.url], options)
      t.deepEqual(report, { ...rehearsed, dryRun: false })
      t.is(report.code, 0)
      const full = await dump(DATABASE_URL)

      const again = await runImport([name, source.url], options)
      t.is(again.code, 0)
      t.is(
        again.stdout,
        `${name}: 25 users read.\nNothing to import: 25 users already present.\nNothing was changed.\n`,
      )
      t.is(await dump(DATABASE_URL), full)
      t.deepEqual(
        await source.sql('SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) AS n FROM pg_stat_user_tables'),
        sourceBefore,
      )
    })
  }

  test('changes to a user since the first import stay: no revoked role comes back', async (t) => {
    const source = await createSource('hasura-auth', fillMany('hasura-auth', 2))
    const DATABASE_URL = await createMigratedDatabase()
    const options = { env: { DATABASE_URL } }
    await importReport(['hasura-auth', source.url], options)
    await query(DATABASE_URL, 'DELETE FROM user_role')
    await query(DATABASE_URL, 'DELETE FROM identity')
    await query(
      DATABASE_URL,
      `UPDATE "user" SET username = 'renamed' || username, active = false, password = NULL`,
    )
    const changed = await dump(DATABASE_URL)
    await source.sql(`INSERT INTO auth.users (email) VALUES ('late@example.com')`)
    const report = await importReport(['hasura-auth', source.url], options)
    t.like(report, { code: 0, users: { read: 3, imported: 1, present: 2 } })
    await query(DATABASE_URL, `DELETE FROM "user" WHERE username = 'late@example.com'`)
    t.is(await dump(DATABASE_URL), changed)
  })

  for (const name of sourceNames) {
    test(`${name}: after a kill no user is imported in part, and the next import completes`, async (t) => {
      const source = await createSource(name, fillMany(name, 3000))
      const DATABASE_URL = await createMigratedDatabase()
      const child = startImport([name, source.url], { ...secret, DATABASE_URL, PAGE_SIZE: '50' })
      await once(child.stderr as NodeJS.ReadableStream, 'data')
      child.kill('SIGKILL')
      await once(child, 'exit')

      const identities = name === 'seed' ? 0 : 1
      const count = async () =>
        (
          await query(
            DATABASE_URL,
            `SELECT count(*)::int AS users, count(*) FILTER (WHERE
               (SELECT count(*) FROM user_role r WHERE r.user_id = u.id) = 2 AND
               (SELECT count(*) FROM identity i WHERE i.user_id = u.id) = ${identities})::int AS whole FROM "user" u`,
          )
        )[0]
      const killed = await count()
      t.true(killed.users > 0 && killed.users < 3000, `${killed.users} users`)
      t.is(killed.whole, killed.users)

      const report = await importReport([name, source.url], { env: { DATABASE_URL } })
      t.like(report, { code: 0, users: { imported: 3000 - killed.users, present: killed.users } })
      t.deepEqual(await count(), { users: 3000, whole: 3000 })
    })
  }
} else {
  test('importing is tested with a server only', (t) => t.pass())
}
