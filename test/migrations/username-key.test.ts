import pg from 'pg'
import { usernameSchema } from '../../src/authentication/username.ts'
import { connectServer } from '../../src/database/postgres.ts'
import { spellingKey } from '../../src/limits/limits.ts'
import { findMigrationNames, loadMigration } from '../../src/migrations/migrate.ts'
import { appTest, createMigratedDatabase, createServerDatabase, engines, patience, root } from '../_app.ts'
import test from '../_test.ts'
import { execute } from '../database/_databases.ts'
import { readCatalog } from './_catalog.ts'

const letters = Array.from({ length: 0x110000 }, (_, code) => code)
  .filter((code) => code < 0xd800 || code > 0xdfff)
  .map((code) => String.fromCodePoint(code))
  .filter((letter) => usernameSchema.safeParse(letter).success)

for (const engine of engines) {
  test.serial(
    `${engine}: the key of every accepted letter is its NFKC in lower case`,
    appTest({ engine }, async (t, app) => {
      for (let at = 0; at < letters.length; at += 20_000) {
        const some = letters.slice(at, at + 20_000)
        const [row] = await app.sql(
          `SELECT array_agg(username_key(name) ORDER BY n) AS keys, array_agg(email_key(name) ORDER BY n) AS addresses,
            array_agg(username_key(username_key(name)) ORDER BY n) AS again
           FROM jsonb_array_elements_text($1::text::jsonb) WITH ORDINALITY AS t (name, n)`,
          [JSON.stringify(some)],
        )
        const { keys, again, addresses } = row as Record<string, string[]>
        const lower = some.map((letter) => (letter === 'İ' ? 'i' : letter.toLowerCase()))
        t.deepEqual(keys, some.map(spellingKey))
        t.deepEqual(again, keys)
        t.deepEqual(addresses, lower)
      }
    }),
  )
}

test('the list of characters that older databases do not know is refused', (t) => {
  for (const name of ['a\u0378', 'a\u{1e030}', 'a\u{1acf}', '\u{105d2}\u0307']) {
    t.deepEqual(
      usernameSchema.safeParse(name).error?.issues.map(({ message }) => message),
      ['has a character that older databases do not know'],
    )
  }
})

if (engines.includes('server')) {
  test('users whose names or addresses become equal are named, and nothing is changed', async (t) => {
    const connection = connectServer(await createServerDatabase(), () => {}, patience)
    t.teardown(() => connection.close())
    const earlier = (await findMigrationNames(root)).filter((name) => name < '0011')
    for (const name of earlier) await execute(connection, await loadMigration(root, name))
    await execute(connection, `INSERT INTO "user" (username) VALUES ('ẖ'), ('H̱')`)
    const own = await loadMigration(root, '0011_username_key')
    const before = await readCatalog(connection)
    await t.throwsAsync(execute(connection, own), {
      message: /Rename these users first:\n {2}"H̱", "ẖ"$/,
    })
    t.deepEqual(await readCatalog(connection), before)
    await execute(
      connection,
      `DELETE FROM "user"; DROP INDEX user_verified_email_unique;
      INSERT INTO "user" (username, email, email_verified) VALUES ('a', 'É@x.test', true), ('b', 'é@x.test', true)`,
    )
    await t.throwsAsync(execute(connection, own), {
      message: /all but one of these users first:\n {2}"a" "É@x.test", "b" "é@x.test"$/,
    })
  })
  test('the look-ups of the previous version use an index', async (t) => {
    const client = new pg.Client(await createMigratedDatabase())
    await client.connect()
    t.teardown(() => client.end())
    await client.query('SET enable_seqscan = off')
    for (const [index, condition] of [
      ['user_username_key_previous', `username_key(username) = username_key('Ada')`],
      [
        'user_username_key_previous',
        `username_key(username) > username_key('ada') ORDER BY username_key(username)`,
      ],
      ['user_verified_email_previous', `email_verified AND lower(email) = lower('Ada@x.test')`],
    ] as const) {
      const { rows } = await client.query(`EXPLAIN SELECT id FROM "user" WHERE ${condition}`)
      t.regex(rows.map((row) => row['QUERY PLAN']).join('\n'), new RegExp(`on ${index}|using ${index}`))
    }
  })
}
