import { setTimeout as sleep } from 'node:timers/promises'
import { PrismaPg } from '@prisma/adapter-pg'
import type { SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import pg from 'pg'
import { parseConnectionString } from './connection-string.ts'
import type { Connection, Statement } from './database.ts'
import { createExecuteScript } from './execute-script.ts'
import { listenOnServer } from './listen-postgres.ts'
import type { Subscription } from './listener.ts'
import { createSchema, findSchema, putFirst } from './schema.ts'
import { ServerClient, type ServerClientConfig, sessionSettings } from './server-client.ts'

// An arbitrary constant that other programs on the same database are unlikely to use.
const lockKey = 7_268_150_433
// In milliseconds.
const lockInterval = 50
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
  const unbounded = { ...settings, session: sessionSettings({ statement: 0, lock: 0 }) }
  const goodbye = timeout * 1000
  const listeners: Subscription[] = []
  const execute = async (script: string) => {
    const inSchema = `${putFirst(await schema())};\n${script}`
    await withClient(unbounded, goodbye, async (client) => void (await client.query(inSchema)))
  }
  return {
    adapter: createServerAdapter(pool, schema, execute),
    schema,
    qualify,
    query: queryIn(pool),
    queryApart: queryIn(apart),
    execute,
    exclusively: (work) =>
      withClient(bounded, goodbye, async (client) => {
        // Polls, because a blocking lock would wait for ever when the server stops answering.
        while (!(await tryLock(client))) await sleep(lockInterval)
        return work()
      }),
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

async function tryLock(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query('SELECT pg_try_advisory_lock($1) AS locked', [lockKey])
  return rows[0].locked
}

/** Runs `work` on a separate connection. A migration may take long, unless `config` sets a limit. */
async function withClient<T>(
  config: ServerClientConfig,
  goodbye: number,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new ServerClient(config)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await atMost(goodbye, client.end())
  }
}

/** Waits for a connection's end, at most `limit` milliseconds, because the server may be unreachable. */
async function atMost(limit: number, ending: Promise<void>): Promise<void> {
  const waiting = new AbortController()
  const given = sleep(limit, undefined, { ref: false, signal: waiting.signal }).catch(() => {})
  await Promise.race([ending, given])
  waiting.abort()
}

/**
 * Creates Prisma's adapter for a PostgreSQL server, over a shared pool. The package's own executeScript splits a script
 * at every semicolon, also inside a function body. So `execute` replaces it (test/migrations/migrate.test.ts).
 */
function createServerAdapter(
  pool: pg.Pool,
  schema: () => Promise<string>,
  execute: (script: string) => Promise<void>,
): SqlMigrationAwareDriverAdapterFactory {
  const factory = new PrismaPg(pool)
  return {
    provider: factory.provider,
    adapterName: factory.adapterName,
    connect: async () =>
      Object.assign(await new PrismaPg(pool, { schema: await schema() }).connect(), {
        executeScript: createExecuteScript(execute),
      }),
    connectToShadowDb: () =>
      Promise.reject(
        new Error(
          'A deployment cannot serve as a shadow database. Compare schemas on the embedded database.',
        ),
      ),
  }
}
