import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import {
  createMigratedDatabase,
  createServerDatabase,
  engines,
  root,
  type SessionBody,
  startApp,
  type TestApp,
} from '../_app.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { until } from '../_until.ts'
import { type Pooler, pgbouncer, startPgbouncer } from './_pgbouncer.ts'

const env = { AUTH_RATE_LIMIT: 'off' }

/** Runs the work and returns the answers. No answer may be a failure of the gateway. */
async function all<T extends { status: number }>(t: ExecutionContext, work: Promise<T>[]): Promise<T[]> {
  const answers = await Promise.all(work)
  t.deepEqual(
    answers.filter(({ status }) => status !== 200).map(({ status }) => status),
    [],
  )
  return answers
}

const refresh = (app: TestApp, refreshToken: string) => app.post<SessionBody>('/token', { refreshToken })

/** Signs in, refreshes, asks the webhook, changes a role and a key, each many times at once. */
async function useGateway(t: ExecutionContext, app: TestApp, sql: (text: string) => Promise<unknown>) {
  const { id } = await app.signup('anna')
  const sessions = await all(
    t,
    Array.from({ length: 32 }, () => app.login('anna')),
  )
  const tokens = sessions.map(({ body }) => body.refreshToken)
  for (let round = 0; round < 3; round++) {
    const answers = await all(
      t,
      tokens.map((token) => refresh(app, token)),
    )
    for (const [at, { body }] of answers.entries()) tokens[at] = body.refreshToken
  }
  // Two tabs of a browser refresh at once.
  await all(
    t,
    tokens.slice(0, 8).flatMap((token) => [refresh(app, token), refresh(app, token)]),
  )

  const { token } = (await app.login('anna')).body
  const headers = { Authorization: `Bearer ${token}`, 'X-Hasura-Role': 'editor' }
  t.is((await app.get('/webhook', headers)).status, 401)
  await sql(`INSERT INTO role (name) VALUES ('editor')`)
  await sql(`INSERT INTO user_role (user_id, role_id) SELECT '${id}', id FROM role WHERE name = 'editor'`)
  t.is((await app.get('/webhook', headers)).status, 200, 'a role counts at once')
  await all(
    t,
    Array.from({ length: 32 }, () => app.get('/webhook', headers)),
  )
  await sql(
    `DELETE FROM user_role WHERE user_id = '${id}' AND role_id IN (SELECT id FROM role WHERE name = 'editor')`,
  )
  t.is((await app.get('/webhook', headers)).status, 401, 'a revoked role does not count')
}

type Stage = { url: string; pooler: Pooler; app: TestApp; sql: (text: string) => Promise<unknown[]> }

async function startStage(
  t: ExecutionContext,
  settings: Record<string, string>,
  more: Record<string, string> = {},
): Promise<Stage> {
  const url = await createMigratedDatabase()
  const client = new pg.Client(url)
  await client.connect()
  const name = new URL(url).pathname.slice(1)
  await client.query(`ALTER DATABASE "${name}" SET default_transaction_isolation TO 'serializable'`)
  await client.query(`ALTER DATABASE "${name}" SET DateStyle TO 'German'`)
  const pooler = await startPgbouncer(t, url, settings)
  const extra = Object.fromEntries(Object.entries(more).map(([key, value]) => [key, value || url]))
  const app = await startApp({ engine: 'server', databaseUrl: pooler.url, env: { ...env, ...extra } })
  t.teardown(async () => {
    await app.close()
    await client.end()
  })
  return { url, pooler, app, sql: async (text) => (await client.query(text)).rows }
}

if (engines.includes('server') && pgbouncer !== null) {
  const kinds = [
    ['session', '0'],
    ['transaction', '0'],
    ['transaction', '1'],
  ] as const
  for (const [pool_mode, server_round_robin] of kinds) {
    const title = `pool_mode=${pool_mode}, server_round_robin=${server_round_robin}`
    test(`${title}: sign-in, rotation, roles and 32 logins at once work, whatever the database sets`, async (t) => {
      const { app, pooler, sql } = await startStage(t, { pool_mode, server_round_robin })
      await useGateway(t, app, sql)
      const findWarnings = () => app.logs.filter(({ msg }) => /change notifications lost/.test(String(msg)))
      if (pool_mode === 'session') t.is(findWarnings().length, 0)
      else {
        await until(() => findWarnings().length > 0)
        const listening = await sql(`SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%'
          AND datname = current_database()`)
        t.is(listening.length, 0)
        t.is(findWarnings().length, 1)
        t.regex(JSON.stringify(findWarnings()), /Set DATABASE_DIRECT_URL/)
      }

      await pooler.restart()
      await until(async () => (await app.login('anna')).status === 200)
      await all(
        t,
        Array.from({ length: 8 }, () => app.login('anna')),
      )
    })
  }

  test('DATABASE_DIRECT_URL gives LISTEN to a gateway behind a pooler in transaction mode', async (t) => {
    const more = { DATABASE_DIRECT_URL: '' }
    const { app, sql } = await startStage(t, { pool_mode: 'transaction' }, more)
    await until(
      async () =>
        (
          await sql(`SELECT 1 FROM pg_stat_activity
      WHERE application_name = 'claimgate listener' AND datname = current_database()`)
        ).length > 0,
    )
    await useGateway(t, app, sql)
    t.deepEqual(
      app.logs.filter(({ msg }) => /change notifications lost/.test(String(msg))),
      [],
    )
  })

  test('a start on an empty database through a pooler in transaction mode leaves no lock, listener or setting', async (t) => {
    const url = await createServerDatabase()
    const settings = { pool_mode: 'transaction', server_reset_query: '' }
    const pooler = await startPgbouncer(t, url, settings)
    const app = await startApp({ engine: 'server', databaseUrl: pooler.url, env })
    await app.signup('anna')
    const rotate = [fileURLToPath(new URL('dist/src/cli/main.js', root)), 'keys', 'rotate']
    await promisify(execFile)(process.execPath, rotate, {
      env: { DATABASE_URL: pooler.url, AUTH_SECRET: String(app.config.secret) },
    })
    t.is((await app.sql('SELECT 1 FROM signing_key')).length, 2, 'claimgate keys rotate added a key')
    t.is((await app.login('anna')).status, 200)
    await app.close()
    const through = new pg.Client(pooler.url)
    await through.connect()
    t.teardown(() => through.end())
    const { rows: locks } = await through.query(`SELECT l.locktype FROM pg_locks l
      JOIN pg_database d ON d.oid = l.database
      WHERE d.datname = current_database() AND l.locktype = 'advisory'`)
    const { rows: channels } = await through.query('SELECT pg_listening_channels()')
    const { rows: changed } = await through.query(`SELECT name FROM pg_settings
      WHERE name IN ('statement_timeout', 'lock_timeout', 'search_path') AND setting <> reset_val`)
    t.deepEqual([locks, channels, changed], [[], [], []])
  })
}
