import { PrismaPg } from '@prisma/adapter-pg'
import type { SqlDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import pg from 'pg'
import { parseConnectionString } from './connection-string.ts'
import type { Connection, Statement } from './database.ts'
import { atMost, holdLocks, locks, transactLocked } from './exclusive.ts'
import { listenOnServer } from './listen-postgres.ts'
import type { Subscription } from './listener.ts'
import { createSchema, findSchema } from './schema.ts'
import { ServerClient, type ServerClientConfig, sessionSettings } from './server-client.ts'

// In milliseconds.
const heartbeat = 10_000

/**
 * Connects to a PostgreSQL server, lazily. `onError` receives the errors of idle connections that the server closed.
 * Every statement fails after `timeout` seconds: two fifths of it for a connection, three fifths for the answer.
 */
export function connectServer(url: string, onError: (error: Error) => void, timeout = 5): Connection {
  const address = parseConnectionString(url)
  const { connectTimeout = timeout } = address
  const settings = {
    address,
    connectionTimeoutMillis: Math.min(timeout * 400, connectTimeout * 1000),
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  }
  const bounded = {
    ...settings,
    query_timeout: timeout * 600,
    // The statement limit is a little earlier, so that the server cancels a slow statement and the connection survives.
    // The lock limit is earlier still: a statement that waits for a lock does nothing with its connection.
    session: sessionSettings({ statement: timeout * 540, lock: timeout * 200 }),
  }
  const pool = createPool({ ...bounded, application_name: 'claimgate' })
  pool.on('release', (error, client) => discard(pool, error, client))
  const apart = createPool({ ...bounded, application_name: 'claimgate readiness', max: 1 })
  for (const each of [pool, apart]) each.on('error', onError)
  const { schema, qualify } = createSchema(
    async () => address.schema ?? findSchema((script) => runScript(apart, script)),
  )
  const queryIn =
    (from: pg.Pool): Connection['query'] =>
    async <Row>({ name, text }: Statement, values: readonly unknown[]) =>
      (await from.query({ name, text: await qualify(text), values: [...values] })).rows as Row[]
  const goodbye = timeout * 1000
  const listeners: Subscription[] = []
  const exclusive = { config: { ...bounded, session: {}, application_name: 'claimgate exclusive' }, goodbye }
  return {
    adapter: createServerAdapter(pool, schema),
    schema,
    qualify,
    query: queryIn(pool),
    queryApart: queryIn(apart),
    exclusively: (work) => holdLocks({ ...exclusive, keys: [locks.gateway] }, () => work()),
    transact: (work) =>
      transactLocked(
        { ...exclusive, keys: [locks.gateway, locks.prismaMigrate], schema: { schema, qualify } },
        work,
      ),
    listen: (channel, subscriber) => {
      const notify = (to: string, message: string) => pool.query('SELECT pg_notify($1, $2)', [to, message])
      const settings = {
        config: bounded,
        channel,
        notify,
        patience: timeout * 50,
        timeout: timeout * 1000,
        heartbeat,
      }
      const subscription = listenOnServer(settings, subscriber)
      listeners.push(subscription)
      return subscription
    },
    close: async () => {
      await Promise.all(listeners.map((subscription) => subscription.close()))
      await Promise.all([pool, apart].map((each) => atMost(goodbye, each.end())))
    },
    pool: () => ({
      used: pool.totalCount - pool.idleCount,
      idle: pool.idleCount,
      waiting: pool.waitingCount,
    }),
  }
}

// The types of node-postgres have a Client without arguments.
const createPool = (config: ServerClientConfig & pg.PoolConfig): pg.Pool =>
  new pg.Pool({ ...config, Client: ServerClient as unknown as new () => pg.ClientBase })

/** Runs a script as one transaction, and returns the rows of its last statement. */
async function runScript(pool: pg.Pool, script: string): Promise<unknown[]> {
  const results = (await pool.query(script)) as unknown as pg.QueryResult[]
  return results.at(-1)?.rows ?? []
}

/** Keeps broken connections out of the pool. */
function discard(pool: pg.Pool, error: Error | undefined, client: pg.PoolClient): void {
  // Prisma releases a connection without an error when its transaction could not be ended.
  if (client.getTransactionStatus() !== 'I') void (client as unknown as pg.Client).end()
  // After a read timeout the server counts as unreachable, so the idle connections are closed as well.
  if (!/Query read timeout/.test(error?.message ?? '')) return
  for (let idle = pool.idleCount; idle > 0; idle--) {
    pool.connect().then(
      (other) => other.release(true),
      () => {},
    )
  }
}

/** Creates Prisma's adapter for a PostgreSQL server, over a shared pool. */
function createServerAdapter(pool: pg.Pool, schema: () => Promise<string>): SqlDriverAdapterFactory {
  const { provider, adapterName } = new PrismaPg(pool)
  return {
    provider,
    adapterName,
    connect: async () => new PrismaPg(pool, { schema: await schema() }).connect(),
  }
}
