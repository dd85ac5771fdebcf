import type pg from 'pg'
import { parseConnectionString } from '../../src/database/connection-string.ts'
import {
  createRoute,
  ServerClient,
  type ServerClientConfig,
  sessionSettings,
} from '../../src/database/server-client.ts'
import { createServerDatabase, engines } from '../_app.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { pgbouncer, startPgbouncer } from './_pgbouncer.ts'

const session = sessionSettings({ statement: 2700, lock: 1000 })

async function connect(t: ExecutionContext, url: string, config: Partial<ServerClientConfig> = {}) {
  const address = parseConnectionString(url)
  const client = new ServerClient({ address, route: createRoute(address), session, ...config })
  await client.connect()
  t.teardown(() => client.end())
  return client
}

const readSettings = async (client: pg.Client) => {
  const { rows } = await client.query<{ name: string; value: string }>(
    'SELECT name, setting AS value FROM pg_settings WHERE name = ANY($1)',
    [[...Object.keys(session), 'DateStyle', 'TimeZone', 'standard_conforming_strings']],
  )
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]))
}

const hostile = [
  `SET DateStyle TO 'German'`,
  `SET TimeZone TO 'Asia/Kolkata'`,
  `SET standard_conforming_strings TO off`,
  `SET bytea_output TO 'escape'`,
  `SET default_transaction_isolation TO 'serializable'`,
  `SET statement_timeout TO '1h'`,
  `SET lock_timeout TO 1`,
  `SET idle_in_transaction_session_timeout TO 1`,
]

async function createHostileDatabase(t: ExecutionContext): Promise<string> {
  const url = await createServerDatabase()
  const client = await connect(t, url)
  const name = new URL(url).pathname.slice(1)
  for (const setting of hostile) await client.query(`ALTER DATABASE "${name}" ${setting}`)
  return url
}

if (engines.includes('server')) {
  test('the start packet has only parameters that PgBouncer accepts', async (t) => {
    const address = parseConnectionString('postgres://anna:secret@127.0.0.1:1/app')
    const client = new ServerClient({
      address,
      route: createRoute(address),
      application_name: 'claimgate',
      session,
    })
    t.deepEqual(client.getStartupConf(), {
      user: 'anna',
      database: 'app',
      application_name: 'claimgate',
      datestyle: 'ISO, MDY',
      timezone: 'UTC',
      standard_conforming_strings: 'on',
    })
  })

  test('a direct connection has its own settings, whatever the database sets by default', async (t) => {
    const client = await connect(t, await createHostileDatabase(t))
    t.false(client.isPooled)
    const found = await readSettings(client)
    t.like(found, { DateStyle: 'ISO, MDY', TimeZone: 'UTC', standard_conforming_strings: 'on' })
    // An older server has fewer settings.
    for (const [name, value] of Object.entries(session)) if (name in found) t.is(found[name], value, name)
  })

  if (pgbouncer === null) test.skip('poolers were NOT tested: pgbouncer is not installed', (t) => t.fail())
  else
    for (const pool_mode of ['session', 'transaction', 'statement'])
      for (const server_round_robin of ['0', '1']) declareClientTests({ pool_mode, server_round_robin })
}

function declareClientTests(settings: Record<string, string>): void {
  const title = `pool_mode=${settings.pool_mode}, server_round_robin=${settings.server_round_robin}`

  test(`${title}: a connection is pooled, reads dates as ISO and leaves no setting behind`, async (t) => {
    const url = await createHostileDatabase(t)
    const pooler = await startPgbouncer(t, url, { ...settings, server_reset_query: '' })
    const clients = await Promise.all([1, 2, 3].map(() => connect(t, pooler.url)))
    for (const client of clients) {
      t.true(client.isPooled)
      const found = await readSettings(client)
      t.like(found, { DateStyle: 'ISO, MDY', TimeZone: 'UTC', standard_conforming_strings: 'on' })
      t.like(found, { default_transaction_isolation: 'serializable', statement_timeout: '3600000' })
    }
  })

  test(`${title}: named statements run on any server connection`, async (t) => {
    const pooler = await startPgbouncer(t, await createServerDatabase(), settings)
    const clients = await Promise.all([1, 2, 3, 4].map(() => connect(t, pooler.url)))
    for (let turn = 0; turn < 10; turn++) {
      const found = await Promise.all(
        clients.map((client) =>
          client.query({ name: 'same', text: 'SELECT $1::int AS turn', values: [turn] }),
        ),
      )
      t.deepEqual(
        found.map(({ rows }) => rows),
        clients.map(() => [{ turn }]),
      )
    }
  })
}
