import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { isAway } from '../../src/database/failures.ts'
import { connectServer } from '../../src/database/postgres.ts'
import { findMigrationNames, migrate } from '../../src/migrations/migrate.ts'
import { createServerDatabase, engines, patience, root, startApp } from '../_app.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { copyRoot, sql, writeSql } from '../database/_databases.ts'
import { readCatalog } from './_catalog.ts'

const connect = (t: ExecutionContext, url: string) => {
  const connection = connectServer(url, () => {}, patience)
  t.teardown(() => connection.close())
  return connection
}

/** Runs statements as the owner of the server. */
async function asOwner(url: string, ...statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  for (const statement of statements) await client.query(statement)
  await client.end()
}

/** Creates a user without any right, and returns its name and its URL of the database. */
async function createUser(url: string): Promise<{ user: string; userUrl: string }> {
  const user = `user_${randomUUID().replaceAll('-', '')}`
  await asOwner(
    url,
    `CREATE ROLE ${user} LOGIN PASSWORD 'secret'`,
    'REVOKE CREATE ON SCHEMA public FROM PUBLIC',
  )
  const userUrl = new URL(url)
  Object.assign(userUrl, { username: user, password: 'secret' })
  return { user, userUrl: userUrl.href }
}

const nameOf = (url: string) => new URL(url).pathname.slice(1)

/** Ends every connection to the database, because existing connections keep their defaults. */
const endConnections = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid()`

if (engines.includes('server')) {
  for (const encoding of ['LATIN1', 'SQL_ASCII'])
    test(`a database with the encoding ${encoding} is refused before it is changed`, async (t) => {
      const url = await createServerDatabase()
      const name = `${nameOf(url)}_other`
      await asOwner(
        url,
        `CREATE DATABASE "${name}" ENCODING '${encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`,
      )
      const connection = connect(t, url.replace(nameOf(url), name))
      await t.throwsAsync(migrate(connection, root), {
        message: `The database "${name}" has the encoding ${encoding}, and Claimgate needs UTF8. Create another database, and set DATABASE_URL to it: CREATE DATABASE "claimgate" ENCODING 'UTF8' TEMPLATE template0`,
      })
      t.deepEqual(await readCatalog(connection), [])
    })

  test('a user without the right to create tables gets the cure, and nothing is changed', async (t) => {
    const url = await createServerDatabase()
    const { user, userUrl } = await createUser(url)
    const connection = connect(t, userUrl)
    await t.throwsAsync(migrate(connection, root), {
      message: `Migrations are pending, and the user "${user}" may not create tables in the schema "public". Run claimgate migrate as the owner of the schema, or run: GRANT CREATE, USAGE ON SCHEMA "public" TO "${user}"`,
    })
    t.deepEqual(await readCatalog(connect(t, url)), [])
    await asOwner(url, `GRANT CREATE, USAGE ON SCHEMA "public" TO "${user}"`)
    t.deepEqual(await migrate(connection, root), await findMigrationNames(root))
  })

  test('a missing schema that the user may not create ends the start with the statement to run', async (t) => {
    const url = await createServerDatabase()
    const { user, userUrl } = await createUser(url)
    const connection = connect(t, `${userUrl}?schema=auth`)
    const statement = `CREATE SCHEMA "auth" AUTHORIZATION "${user}"`
    await t.throwsAsync(migrate(connection, root), {
      message: `The schema "auth" does not exist, and the user "${user}" may not create it. As the owner of the database, run: ${statement}`,
    })
    await asOwner(url, statement)
    t.deepEqual(await migrate(connection, root), await findMigrationNames(root))
  })

  test('the first migration creates the schema of the URL, or leaves nothing of it', async (t) => {
    const url = await createServerDatabase()
    const connection = connect(t, `${url}?schema=Our%20auth`)
    const broken = await copyRoot(t)
    const [first = ''] = await findMigrationNames(root)
    await writeSql(broken, first, 'CREATE TABLE extra (); SELECT 1 / 0')
    await t.throwsAsync(migrate(connection, broken), { message: /division by zero/ })
    const find = `SELECT count(*)::int FROM pg_namespace WHERE nspname = 'Our auth'`
    t.deepEqual(await sql(connection, find), [{ count: 0 }])
    t.deepEqual(await migrate(connection, root), await findMigrationNames(root))
    t.deepEqual(await sql(connection, find), [{ count: 1 }])
    t.deepEqual(await sql(connection, 'SELECT id FROM {user}'), [])
  })

  test('the owner migrates, and another user serves with the rights that the messages name', async (t) => {
    const url = `${await createServerDatabase()}?schema=auth`
    const migrated = connect(t, url)
    await migrate(migrated, root)
    const { user, userUrl } = await createUser(url.replace(/\?.*/, ''))
    await asOwner(url, 'REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA auth FROM PUBLIC')
    const connection = connect(t, `${userUrl}?schema=auth`)
    const cures: string[] = []
    for (;;) {
      const error = await migrate(connection, root).catch((error: Error) => error)
      if (!(error instanceof Error)) break
      for (const cure of error.message.matchAll(/or run: (.*)$/gm)) cures.push(cure[1] as string)
      await asOwner(url, ...cures)
      t.true(cures.length <= 4, error.message)
    }
    const shown = cures.map((cure) => cure.replace(`TO "${user}"`, ''))
    t.deepEqual(shown.slice(0, 2), [
      'GRANT USAGE ON SCHEMA "auth" ',
      'GRANT SELECT ON "auth"."_prisma_migrations" ',
    ])
    t.regex(shown[2] as string, /^GRANT SELECT, INSERT, UPDATE, DELETE ON "auth"."authorization_code", /)
    t.regex(shown[3] as string, /^GRANT EXECUTE ON FUNCTION auth\.\S+\(/)
    const app = await startApp({ databaseUrl: `${userUrl}?schema=auth` })
    t.teardown(app.close)
    const { refreshToken } = await app.signup('anna')
    t.is((await app.post('/token', { refreshToken })).status, 200)
    t.is((await app.login('anna')).status, 200)
    t.is((await app.get('/readyz')).status, 200)
  })

  test('a read-only server is a temporary failure, and the same connection migrates later', async (t) => {
    const url = await createServerDatabase()
    await asOwner(url, `ALTER DATABASE "${nameOf(url)}" SET default_transaction_read_only = on`)
    const connection = connect(t, url)
    for (let turn = 0; turn < 2; turn++) {
      const error = await t.throwsAsync(migrate(connection, root), { message: /^The server is read-only/ })
      t.true(isAway(error))
    }
    await asOwner(
      url,
      'SET default_transaction_read_only = off',
      `ALTER DATABASE "${nameOf(url)}" RESET default_transaction_read_only`,
    )
    t.deepEqual(await migrate(connection, root), await findMigrationNames(root))
  })

  test('/readyz is 503 while the server is read-only, and 200 as soon as it accepts writes', async (t) => {
    const app = await startApp({ engine: 'server' })
    t.teardown(app.close)
    t.is((await app.get('/readyz')).status, 200)
    const [row] = await app.sql<{ name: string }>('SELECT current_database() AS name')
    const databaseUrl = app.config.databaseUrl as string
    await asOwner(
      databaseUrl,
      `ALTER DATABASE "${row?.name}" SET default_transaction_read_only = on`,
      endConnections,
    )
    for (let turn = 0; turn < 2; turn++) {
      const refused = await app.get('/readyz')
      t.is(refused.status, 503)
      t.is(refused.headers.get('Retry-After'), '5')
    }
    await asOwner(
      databaseUrl,
      'SET default_transaction_read_only = off',
      `ALTER DATABASE "${row?.name}" RESET default_transaction_read_only`,
    )
    t.is((await app.get('/readyz')).status, 200)
    t.deepEqual(await sql(connect(t, databaseUrl), 'SHOW default_transaction_read_only'), [
      { default_transaction_read_only: 'off' },
    ])
  })
}
