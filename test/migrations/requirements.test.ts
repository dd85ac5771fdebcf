import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { isAway } from '../../src/database/failures.ts'
import { connectServer } from '../../src/database/postgres.ts'
import { findMigrationNames, migrate } from '../../src/migrations/migrate.ts'
import { createServerDatabase, engines, patience, root, startApp } from '../_app.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { sql } from '../database/_databases.ts'
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

  test('the owner migrates, and another user serves with the rights that the messages name', async (t) => {
    const url = await createServerDatabase()
    await migrate(connect(t, url), root)
    const { user, userUrl } = await createUser(url)
    const connection = connect(t, userUrl)
    const cures: string[] = []
    for (let turn = 0; turn < 2; turn++) {
      const { message } = (await t.throwsAsync(migrate(connection, root))) as Error
      const cure = message.split(/run: /)[1] as string
      cures.push(cure)
      await asOwner(url, cure)
    }
    t.is(cures[0], `GRANT SELECT ON "public"."_prisma_migrations" TO "${user}"`)
    t.regex(
      cures[1] as string,
      /^GRANT SELECT, INSERT, UPDATE, DELETE ON "public"."authorization_code", .* TO /,
    )
    const app = await startApp({ databaseUrl: userUrl })
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
