import { readFileSync } from 'node:fs'
import { createMigratedDatabase, engines, root, startApp } from '../_app.ts'
import test from '../_test.ts'
import { foreignHashes, foreignPassword } from '../authentication/_foreign-hashes.ts'
import { importReport } from './_command.ts'
import { keycloakArgon2, keycloakPbkdf2 } from './_credentials.ts'
import { createSource } from './_sources.ts'

if (engines.includes('server')) {
  test('hashes of other programs are imported, verified, and replaced at the first login', async (t) => {
    const users = Object.entries(foreignHashes).map(([name, hash]) => ({ name, hash }))
    const values = users.map(({ name, hash }) => `('${name}', '${hash}')`)
    const source = await createSource(
      'seed',
      `INSERT INTO "user" (username, password) VALUES ${values.join(', ')}`,
    )
    const app = await startApp({ databaseUrl: await createMigratedDatabase() })
    t.teardown(() => app.close())
    const report = await importReport(['seed', source.url], { env: { DATABASE_URL: app.config.databaseUrl } })
    t.like(report, { code: 0, users: { imported: users.length }, problems: { total: 0 } })

    const stored = async (name: string) =>
      (await app.sql<{ hash: string }>('SELECT password AS hash FROM "user" WHERE username = $1', [name]))[0]
        ?.hash
    for (const { name, hash } of users) {
      t.is(await stored(name), hash)
      t.is((await app.login(name, `${foreignPassword}!`)).status, 401, name)
      t.is(await stored(name), hash)
      t.is((await app.login(name, foreignPassword)).status, 200, name)
      t.regex((await stored(name)) ?? '', name === 'bcrypt of PHP' ? /^\$2y\$/ : /^\$2b\$/, name)
      t.is((await app.login(name, foreignPassword)).status, 200, name)
    }
  })

  test('a hash of another program that costs too much is reported, and in the database it matches no password', async (t) => {
    const costly = foreignHashes['PBKDF2 of Django']?.replace('$1000$', '$1000000000$')
    const source = await createSource(
      'seed',
      `INSERT INTO "user" (username, password) VALUES ('costly', '${costly}')`,
    )
    const app = await startApp({ databaseUrl: await createMigratedDatabase() })
    t.teardown(() => app.close())
    const report = await importReport(['seed', source.url], { env: { DATABASE_URL: app.config.databaseUrl } })
    t.is(report.code, 1)
    t.like(report.problems.kept[0], {
      code: 'costly_hash',
      detail: 'PBKDF2 iterations 1000000000, at most 2000000',
    })
    await app.sql('UPDATE "user" SET password = $1', [costly])
    t.is((await app.login('costly', foreignPassword)).status, 401)
  })

  test('the query of the guide makes hashes of the credentials of Keycloak', async (t) => {
    const guide = readFileSync(new URL('docs/how-to/migrating.md', root), 'utf8')
    const query = /### Keycloak.*?```sql\n(.*?)```/s.exec(guide)?.[1] ?? ''
    const split = (name: string) => (foreignHashes[name] ?? '').split('$').slice(-2)
    const add = (name: string, data: object) => {
      const [salt, value] = split(name)
      return `('${name}', 'password', '${JSON.stringify(data)}', '${JSON.stringify({ value, salt, additionalParameters: {} })}')`
    }
    const rows = [
      add('PBKDF2 with SHA-1 of Keycloak', keycloakPbkdf2('pbkdf2')),
      add('PBKDF2 with SHA-256 of Keycloak', keycloakPbkdf2('pbkdf2-sha256')),
      add('PBKDF2 with SHA-512 of Keycloak', keycloakPbkdf2('pbkdf2-sha512')),
      add('argon2 of Keycloak', keycloakArgon2),
    ]
    const source = await createSource(
      null,
      `CREATE TABLE credential (user_id text, type text, credential_data text, secret_data text);
       INSERT INTO credential VALUES ${rows.join(', ')}, ('otp', 'otp', '{}', '{}');`,
    )
    const made = await source.sql(query)
    t.is(made.length, rows.length)
    for (const { user_id, password } of made)
      t.is(password, foreignHashes[user_id]?.replace('$pbkdf2-sha1$', '$pbkdf2$'))
  })
} else {
  test('importing is tested with a server only', (t) => t.pass())
}
