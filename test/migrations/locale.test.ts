import pg from 'pg'
import { createDatabase } from '../../src/database/database.ts'
import { connectServer } from '../../src/database/postgres.ts'
import { migrate } from '../../src/migrations/migrate.ts'
import { createUserAdmin } from '../../src/stores/user-admin.ts'
import { createServerDatabase, engines, patience, root, startApp } from '../_app.ts'
import test from '../_test.ts'
import { execute } from '../database/_databases.ts'
import { readCatalog } from './_catalog.ts'
import { seedRows, seedTables } from './_seed.ts'

const cLocale = `LC_COLLATE 'C' LC_CTYPE 'C'`
const turkish = `LOCALE_PROVIDER icu ICU_LOCALE 'tr' LC_COLLATE 'C' LC_CTYPE 'C'`

if (engines.includes('server')) {
  for (const [what, locale] of [
    ['the C locale', cLocale],
    ['the Turkish ICU locale', turkish],
  ] as const) {
    test(`names and addresses are the same in ${what}, and names have one order`, async (t) => {
      const app = await startApp({ databaseUrl: await createLocale(locale) })
      t.teardown(app.close)
      const { id } = await app.signup('TITLE Ida')
      t.is((await app.login('title ida')).body.id, id)
      t.is((await app.login('TİTLE İda')).body.id, id)
      t.is((await app.login('tıtle ida')).status, 401)
      t.deepEqual(await app.sql(`SELECT email_key('ÉVA@Example.COM') AS "key"`), [{ key: 'éva@example.com' }])
      for (const name of ['b', 'Ç', 'a-b', 'Ab', 'ı', '_z']) await app.signup(name)
      const rows = await app.sql('SELECT username FROM "user" ORDER BY username_key(username) COLLATE "C"')
      t.deepEqual(
        rows.map(({ username }) => username),
        ['_z', 'a-b', 'Ab', 'b', 'TITLE Ida', 'Ç', 'ı'],
      )
    })
  }

  test('usernames are unique without regard to case in the C locale too, for every letter', async (t) => {
    const app = await startApp({ databaseUrl: await createLocale(cLocale) })
    t.teardown(app.close)
    t.deepEqual(await app.sql(`SELECT lower('É') AS "lower"`), [{ lower: 'É' }])
    const { id } = await app.signup('Élodie Ärger Жанна')
    const password = 'correct horse'
    const again = { username: 'élodie ärger жАННА', password, confirmPassword: password }
    const refused = await app.post('/signup', again)
    t.is(refused.status, 409)
    t.is(refused.body.code, 'username_taken')
    const login = await app.login('ÉLODIE ÄRGER ЖАННА')
    t.is(login.status, 200)
    t.is(login.body.id, id)
    t.is(login.body.username, 'Élodie Ärger Жанна')
  })

  test('usernames that differ only by the case of a letter beyond ASCII are rejected by name in the C locale too', async (t) => {
    const connection = connectServer(await createLocale(cLocale), () => {}, patience)
    t.teardown(() => connection.close())
    await execute(
      connection,
      `${seedTables}${seedRows} INSERT INTO "user" (username, password) VALUES ('Élodie', 'x'), ('élodie', 'x')`,
    )
    const before = await readCatalog(connection)
    await t.throwsAsync(migrate(connection, root), {
      message: /Rename these users first.*\n {2}"Élodie", "élodie"$/,
    })
    t.deepEqual(await readCatalog(connection), before)
  })

  test('a collation of the username that ignores accents joins no names, and keeps one order', async (t) => {
    const url = await createServerDatabase()
    const connection = connectServer(url, () => {}, patience)
    t.teardown(() => connection.close())
    const collated = seedTables.replace(/"username" varchar\(255\)/, '$& COLLATE loose')
    t.not(collated, seedTables)
    await execute(
      connection,
      `CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level1', deterministic = false); ${collated}`,
    )
    const app = await startApp({ databaseUrl: url })
    t.teardown(app.close)
    for (const name of ['Resume', 'b', 'Ab', '_z', 'ı']) await app.signup(name)
    const admin = createUserAdmin(createDatabase(connection))
    const names: string[] = []
    for (;;) {
      const [user] = await admin.list(1, names.at(-1) ?? '')
      if (user === undefined) break
      names.push(user.username)
    }
    t.deepEqual(names, ['_z', 'Ab', 'b', 'Resume', 'ı'])
    t.is((await app.login('résumé')).status, 401)
    const { id } = await app.signup('résumé')
    t.is((await app.login('RÉSUMÉ')).body.id, id)
    t.is((await app.login('RESUME')).status, 200)
  })
} else {
  test('only a server has locales', (t) => t.pass())
}

async function createLocale(locale: string): Promise<string> {
  const url = new URL(await createServerDatabase())
  const client = new pg.Client({ connectionString: url.href })
  await client.connect()
  url.pathname += '_locale'
  const name = pg.escapeIdentifier(url.pathname.slice(1))
  await client.query(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8' ${locale}`)
  await client.end()
  return url.href
}
