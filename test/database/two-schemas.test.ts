import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import { createServerDatabase, engines, root, startApp, type TestApp } from '../_app.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { until } from '../_until.ts'
import { pgbouncer, startPgbouncer } from './_pgbouncer.ts'

const main = fileURLToPath(new URL('dist/src/cli/main.js', root))

// Tables of another program with the names of the gateway's.
const foreign = `CREATE TABLE "user" (note text); CREATE TABLE session (note text); CREATE TABLE signing_key (note text);
  CREATE FUNCTION username_key(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT NULL::text'`

/** Tests two gateways in the schemas `one` and `two` of a database. `openUrl` returns the URL that they connect to. */
function declareTest(title: string, openUrl: (t: ExecutionContext, url: string) => Promise<string>): void {
  test(`${title}: two gateways in two schemas of one database do not disturb each other`, async (t) => {
    const url = await createServerDatabase()
    const admin = new pg.Client(url)
    await admin.connect()
    t.teardown(() => admin.end())
    await admin.query(foreign)
    const through = await openUrl(t, url)
    const urls = { one: `${through}?schema=one`, two: `${through}?schema=two` }
    const start = async (databaseUrl: string) => {
      const app = await startApp({ engine: 'server', databaseUrl, env: { AUTH_RATE_LIMIT: 'off' } })
      t.teardown(app.close)
      return app
    }
    const [one, two] = await Promise.all([start(urls.one), start(urls.two)])

    const [anna, other] = [await one.signup('anna'), await two.signup('anna')]
    t.not(anna.id, other.id)
    t.is(await statusOf(one, anna.token), 200)
    t.is(await statusOf(two, other.token), 200)
    t.is(await statusOf(two, anna.token), 401, 'a token counts at its own gateway only')
    t.is((await two.post('/token', { refreshToken: anna.refreshToken })).status, 401)

    await admin.query(`INSERT INTO one.role (name) VALUES ('editor')`)
    await admin.query(
      'INSERT INTO one.user_role (user_id, role_id) SELECT $1, id FROM one.role WHERE name = $2',
      [anna.id, 'editor'],
    )
    t.is(await statusOf(one, anna.token, 'editor'), 200, 'a role counts at once')
    t.is(await statusOf(two, other.token, 'editor'), 401)
    await admin.query('UPDATE one."user" SET active = false')
    t.is(await statusOf(one, anna.token), 401, 'a deactivation counts at once')
    t.is(await statusOf(two, other.token), 200)
    await admin.query('UPDATE one."user" SET active = true')

    await Promise.all(
      [one, two].map((app) =>
        promisify(execFile)(process.execPath, [main, 'keys', 'rotate', '--now'], {
          env: { DATABASE_URL: String(app.config.databaseUrl), AUTH_SECRET: String(app.config.secret) },
        }),
      ),
    )
    for (const app of [one, two]) {
      await until(async () => (await kidsOf(app)).length === 2)
      const { status, body } = await app.login('ANNA')
      t.is(status, 200)
      t.is(await statusOf(app, body.token), 200)
    }
    const kids = [...(await kidsOf(one)), ...(await kidsOf(two))]
    t.is(new Set(kids).size, 4)
    const { rows } =
      await admin.query(`SELECT string_agg(relname, ' ' ORDER BY relname) AS names FROM pg_class
      WHERE relnamespace = 'public'::regnamespace`)
    t.deepEqual(
      rows,
      [{ names: 'session signing_key user' }],
      'public has only the tables of the other program',
    )
  })
}

if (engines.includes('server')) {
  declareTest('direct connections', async (_, url) => url)
  if (pgbouncer === null)
    test.skip('schemas behind a pooler were NOT tested: pgbouncer is not installed', (t) => t.fail())
  else
    declareTest(
      'PgBouncer, pool_mode=transaction',
      async (t, url) => (await startPgbouncer(t, url, { pool_mode: 'transaction' })).url,
    )
}

async function statusOf(app: TestApp, token: string, role?: string): Promise<number> {
  const headers = { Authorization: `Bearer ${token}`, ...(role !== undefined && { 'X-Hasura-Role': role }) }
  return (await app.get('/webhook', headers)).status
}

async function kidsOf(app: TestApp): Promise<string[]> {
  const { body } = await app.get<{ keys: { kid: string }[] }>('/jwks')
  return body.keys.map(({ kid }) => kid)
}
