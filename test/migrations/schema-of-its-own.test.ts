import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { createServerDatabase, engines, startApp } from '../_app.ts'
import test, { type ExecutionContext } from '../_test.ts'

const hostile = `CREATE TABLE "user" (note text); INSERT INTO "user" VALUES ('theirs');
CREATE TABLE session (note text); CREATE TABLE role (note text); CREATE TABLE _prisma_migrations (note text);
CREATE FUNCTION username_key(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT NULL::text'`

/** Reads all objects of `public`, and the rows of its table `user`. */
const snapshot = `SELECT string_agg(c.relname, ' ' ORDER BY c.relname) AS names,
  (SELECT string_agg(note, ' ') FROM public."user") AS users
  FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace`

if (engines.includes('server')) {
  /** Creates a database whose `public` has tables of another program with our names, and a role of its own. */
  async function createHostile(t: ExecutionContext) {
    const url = new URL(await createServerDatabase())
    const admin = new pg.Client(url.href)
    await admin.connect()
    const role = `role_${randomUUID().replaceAll('-', '')}`
    await admin.query(hostile)
    await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'only-for-tests'`)
    await admin.query(`GRANT CREATE ON DATABASE ${url.pathname.slice(1)} TO ${role}`)
    t.teardown(async () => {
      await admin.query(`DROP OWNED BY ${role} CASCADE`)
      await admin.query(`DROP ROLE ${role}`)
      await admin.end()
    })
    url.username = role
    url.password = 'only-for-tests'
    return { url: url.href, role, admin }
  }

  const ways: [string, (role: string) => { sql: string; parameters?: string; schema: string }][] = [
    [
      'the search_path of the role',
      (role) => ({
        sql: `CREATE SCHEMA auth AUTHORIZATION ${role}; ALTER ROLE ${role} SET search_path = auth, public`,
        schema: 'auth',
      }),
    ],
    [
      'a search_path in the connection string',
      (role) => ({
        sql: `CREATE SCHEMA auth AUTHORIZATION ${role}`,
        parameters: '?options=-c%20search_path=auth,public',
        schema: 'auth',
      }),
    ],
    [
      'a schema with the name of the role',
      (role) => ({ sql: `CREATE SCHEMA AUTHORIZATION ${role}`, schema: role }),
    ],
    [
      '?schema= of a new schema',
      () => ({ sql: 'SELECT 1', parameters: '?schema=Our%20auth', schema: 'Our auth' }),
    ],
  ]
  for (const [way, prepare] of ways) {
    test(`the gateway lives in ${way}, beside tables of the same names`, async (t) => {
      const { url, role, admin } = await createHostile(t)
      const { sql, parameters = '', schema } = prepare(role)
      await admin.query(sql)
      const before = (await admin.query(snapshot)).rows
      for (const round of ['first', 'second']) {
        const app = await startApp({ databaseUrl: url + parameters })
        t.teardown(app.close)
        t.is(
          app.logs.some(({ msg }) => msg === 'database migrated'),
          round === 'first',
        )
        const session = await app.signup(`anna ${round}`)
        t.is((await app.login(`ANNA ${round}`)).status, 200)
        t.is(
          (
            await app.post('/signup', {
              username: `Anna ${round}`,
              password: 'correct horse',
              confirmPassword: 'correct horse',
            })
          ).status,
          409,
        )
        t.is((await app.post('/token', { refreshToken: session.refreshToken })).status, 200)
        t.is((await app.as(session).get('/webhook')).status, 200)
        t.is((await app.as(session).get('/user')).status, 200)
        // By a person whose search_path is another one.
        await admin.query(
          `UPDATE ${pg.escapeIdentifier(schema)}."user" SET active = false WHERE username = $1`,
          [`anna ${round}`],
        )
        t.is((await app.as(session).get('/webhook')).status, 401)
      }
      t.deepEqual((await admin.query(snapshot)).rows, before)
    })
  }
}
