import { setTimeout as sleep } from 'node:timers/promises'
import { PrismaPg } from '@prisma/adapter-pg'
import type { SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import pg from 'pg'
import type { Connection } from './database.ts'
import { createExecuteScript } from './execute-script.ts'
import { listenOnServer } from './listen-postgres.ts'
import type { Subscription } from './listener.ts'

// Any fixed number that other programs on the same database are unlikely to use.
const lockKey = 7_268_150_433
// In milliseconds.
const lockInterval = 50
const heartbeat = 10_000

/**
 * Connects to a PostgreSQL server, lazily. `onError` hears of idle connections that the server dropped. Whatever is
 * asked fails within `timeout` seconds: two fifths of it to get a connection, three to get the answer.
 */
export function connectServer(url: string, onError: (error: Error) => void, timeout = 5): Connection {
  const connectionString = withLibpqSslmode(url)
  const settings = {
    connectionString,
    connectionTimeoutMillis: timeout * 400,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  }
  const bounded = {
    ...settings,
    query_timeout: timeout * 600,
    // A little earlier, so that a slow statement is cancelled and does not cost its connection.
    statement_timeout: timeout * 540,
  }
  const pool = new pg.Pool({ ...bounded, application_name: 'claimgate' })
  pool.on('error', onError)
  pool.on('release', (error, client) => discard(pool, error, client))
  const goodbye = timeout * 1000
  const listeners: Subscription[] = []
  const execute = (script: string) =>
    withClient(settings, goodbye, async (client) => void (await client.query(script)))
  return {
    adapter: createServerAdapter(pool, execute),
    query: async <Row>({ name, text }: { name: string; text: string }, values: readonly unknown[]) =>
      (await pool.query({ name, text, values: [...values] })).rows as Row[],
    execute,
    exclusively: (work) =>
      withClient(bounded, goodbye, async (client) => {
        // Asked again and again: a server that went silent would never answer somebody who waits in line.
        while (!(await tryLock(client))) await sleep(lockInterval)
        return work()
      }),
    listen: (channel, subscriber) => {
      const notify = (message: string) => pool.query('SELECT pg_notify($1, $2)', [channel, message])
      const ear = {
        config: bounded,
        channel,
        notify,
        patience: timeout * 50,
        timeout: timeout * 1000,
        heartbeat,
      }
      const listening = listenOnServer(ear, subscriber)
      listeners.push(listening)
      return listening
    },
    close: async () => {
      await Promise.all(listeners.map((listening) => listening.close()))
      await atMost(goodbye, pool.end())
    },
    pool: () => ({
      used: pool.totalCount - pool.idleCount,
      idle: pool.idleCount,
      waiting: pool.waitingCount,
    }),
  }
}

/** Keeps connections that are of no more use from coming back into the pool. */
function discard(pool: pg.Pool, error: Error | undefined, client: pg.PoolClient): void {
  // Prisma gives a connection back without a word when its transaction could not be ended.
  if (client.getTransactionStatus() !== 'I') void (client as unknown as pg.Client).end()
  // Who heard nothing has lost the way to the server, and so have those that are idle, without knowing it.
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

/** A connection of its own: what runs on it, such as a migration, may take long unless `config` says otherwise. */
async function withClient<T>(
  config: pg.ClientConfig,
  goodbye: number,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client(config)
  client.on('error', () => {})
  await client.connect()
  try {
    return await work(client)
  } finally {
    await atMost(goodbye, client.end())
  }
}

/** Waits for a connection's end, but not for a server that never hears of it. In milliseconds. */
async function atMost(limit: number, ending: Promise<void>): Promise<void> {
  const waiting = new AbortController()
  const given = sleep(limit, undefined, { ref: false, signal: waiting.signal }).catch(() => {})
  await Promise.race([ending, given])
  waiting.abort()
}

/**
 * node-postgres reads `sslmode=require` as `verify-full`; everyone who hands out such URLs (Heroku, RDS, Neon) means
 * what libpq means by it.
 */
export function withLibpqSslmode(url: string): string {
  const parsed = new URL(url)
  const sslmode = parsed.searchParams.get('sslmode')
  // no-verify is node-postgres' own word, and means something only without the compatibility.
  if (sslmode !== null && sslmode !== 'no-verify' && !parsed.searchParams.has('uselibpqcompat')) {
    parsed.searchParams.set('uselibpqcompat', 'true')
  }
  return parsed.href
}

/**
 * Prisma's adapter for a PostgreSQL server, over a pool that others may share. The package's own executeScript cuts a
 * script at every semicolon, also inside a function body, so `execute` takes its place
 * (test/migrations/migrate.test.ts).
 */
function createServerAdapter(
  pool: pg.Pool,
  execute: (script: string) => Promise<void>,
): SqlMigrationAwareDriverAdapterFactory {
  const factory = new PrismaPg(pool)
  return {
    provider: factory.provider,
    adapterName: factory.adapterName,
    connect: async () =>
      Object.assign(await factory.connect(), { executeScript: createExecuteScript(execute) }),
    connectToShadowDb: () =>
      Promise.reject(
        new Error('A shadow database would land in the real one; diff on the embedded database.'),
      ),
  }
}
