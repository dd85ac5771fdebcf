import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import pg from 'pg'
import type { Connection } from '../../src/database/database.ts'
import { connectServer } from '../../src/database/postgres.ts'
import { createSchema, findSchema } from '../../src/database/schema.ts'
import { createMigratedDatabase, createServerDatabase, engines, patience, root } from '../_app.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { sql } from './_databases.ts'

test('a statement gets the schema at each name in braces, and at nothing else', async (t) => {
  const { qualify } = createSchema(async () => 'our "auth"')
  t.is(
    await qualify(
      `SELECT '{}', {username_key}(u.username) FROM {user} u JOIN {user_role} ur ON ur.user_id = $1`,
    ),
    `SELECT '{}', "our ""auth"""."username_key"(u.username) FROM "our ""auth"""."user" u JOIN "our ""auth"""."user_role" ur ON ur.user_id = $1`,
  )
  await t.throwsAsync(qualify('SELECT 1 FROM {users}'), { message: /unknown name in braces: users/ })
})

test('the schema is found once, and after a failure again', async (t) => {
  let calls = 0
  const { schema, qualify } = createSchema(async () => {
    calls++
    if (calls === 1) throw new Error('away')
    return 'auth'
  })
  await t.throwsAsync(Promise.all([schema(), schema()]), { message: 'away' })
  t.is(calls, 1)
  t.is(await qualify('{user}'), '"auth"."user"')
  t.is(await schema(), 'auth')
  t.is(calls, 2)
})

test('no statement of the source names a table or function of the gateway without braces', (t) => {
  const own =
    'user|role|user_role|identity|session|signing_key|authorization_code|oauth_state|user_claim|rate_limit|user_claims_version|_prisma_migrations'
  const unbraced = new RegExp(
    `\\b(?:FROM|JOIN|INTO|UPDATE)\\s+"?(?:${own})"?(?![\\w.])|(?<![{\\w])(?:username|email)_key\\(`,
    'g',
  )
  const found = readdirSync(new URL('src/', root), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.includes('generated'))
    // The tables of other authentication servers, and a script that runs with the schema first in the search_path.
    .filter((path) => !/^(import.sources|database.execute-script)\.ts$/.test(path))
    .flatMap((path) =>
      [...readFileSync(new URL(`src/${path}`, root), 'utf8').matchAll(unbraced)].map(
        ([text]) => `${path}: ${text}`,
      ),
    )
  t.deepEqual(found, [])
})

if (engines.includes('server')) {
  /** Creates a role that may log in, and returns the URL of a database for it. */
  async function createRole(
    t: ExecutionContext,
    url: string,
  ): Promise<{ url: string; role: string; admin: Connection }> {
    const admin = connectServer(url, () => {}, patience)
    const role = `role_${randomUUID().replaceAll('-', '')}`
    await sql(admin, `CREATE ROLE ${role} LOGIN SUPERUSER PASSWORD 'only-for-tests'`)
    t.teardown(async () => {
      await sql(admin, `DROP OWNED BY ${role} CASCADE`)
      await sql(admin, `DROP ROLE ${role}`)
      await admin.close()
    })
    const own = new URL(url)
    own.username = role
    own.password = 'only-for-tests'
    return { url: own.href, role, admin }
  }

  async function schemaOf(url: string): Promise<string> {
    const connection = connectServer(url, () => {}, patience)
    try {
      return await connection.schema()
    } finally {
      await connection.close()
    }
  }

  test('the schema is the first of the search_path, of the role or of the URL, and ?schema= wins', async (t) => {
    const { url, role, admin } = await createRole(t, await createServerDatabase())
    t.is(await schemaOf(url), 'public')
    await sql(admin, `CREATE SCHEMA AUTHORIZATION ${role}`)
    t.is(await schemaOf(url), role)
    await sql(admin, 'CREATE SCHEMA auth')
    await sql(admin, `ALTER ROLE ${role} SET search_path = missing, auth, public`)
    t.is(await schemaOf(url), 'auth')
    const inUrl = (path: string) => `${url}?options=${encodeURIComponent(`-c search_path=${path}`)}`
    t.is(await schemaOf(inUrl('public,auth')), 'public')
    t.is(await schemaOf(inUrl('"$user",public')), role)
    t.is(await schemaOf(`${url}?schema=elsewhere`), 'elsewhere')
  })

  test('a search_path without a schema is an error that says what to do', async (t) => {
    const { url, role, admin } = await createRole(t, await createServerDatabase())
    await sql(admin, `ALTER ROLE ${role} SET search_path = missing`)
    await t.throwsAsync(schemaOf(url), {
      message: `No schema of the search_path (missing) exists, or the user ${role} may not use it. Create one, such as CREATE SCHEMA "auth" AUTHORIZATION "${role}", and add ?schema=auth to DATABASE_URL.`,
    })
  })

  test('a new schema in front does not hide the tables of a deployment', async (t) => {
    const { url, role, admin } = await createRole(t, await createMigratedDatabase())
    t.is(await schemaOf(url), 'public')
    await sql(admin, `CREATE SCHEMA AUTHORIZATION ${role}`)
    await t.throwsAsync(schemaOf(url), {
      message: new RegExp(`begins with the schema "${role}".*are in the schema "public".*schema=public`),
    })
    t.is(await schemaOf(`${url}?schema=public`), 'public')
  })

  test('a search_path that another client left on a connection of a pooler is of no account', async (t) => {
    const url = await createServerDatabase()
    const client = new pg.Client(url)
    await client.connect()
    t.teardown(() => client.end())
    await client.query('CREATE SCHEMA other; SET search_path = other')
    const run = async (script: string) =>
      ((await client.query(script)) as unknown as pg.QueryResult[]).at(-1)?.rows ?? []
    t.is(await findSchema(run), 'public')
    t.is(await findSchema(run, 'other'), 'other')
    t.is((await client.query('SHOW search_path')).rows[0].search_path, 'other')
  })
}
