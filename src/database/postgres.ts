import { setTimeout as sleep } from 'node:timers/promises'
import type { IsolationLevel, SqlDriverAdapterFactory, SqlQuery } from '@prisma/driver-adapter-utils'
import type pg from 'pg'
import { parseConnectionString } from './connection-string.ts'
import type { Connection, Statement } from './database.ts'
import { atMost, type ExclusiveSettings, holdLocks, locks, transactLocked } from './exclusive.ts'
import { isConflict, isFull } from './failures.ts'
import { listenOnServer } from './listen-postgres.ts'
import type { Subscription } from './listener.ts'
import { reportWaits } from './lock-wait.ts'
import { requireSameDatabase } from './same-database.ts'
import { createSchema, findSchema } from './schema.ts'
import {
  createRoute,
  openClient,
  type ServerClient,
  type ServerClientConfig,
  sessionSettings,
} from './server-client.ts'
import { ServerPool } from './server-pool.ts'

// In milliseconds.
const heartbeat = 10_000
const pause = 100

/** The options of `connectServer`. */
export type ServerOptions = {
  /** The URL for migrations and LISTEN; by default the same URL. A pooler in transaction mode cannot do both. */
  directUrl?: string | undefined
  /** The size of the pool; 10 by default. */
  poolSize?: number | undefined
  /** Returns a number from 0 to 1, for the pause before a statement is repeated. */
  random?: () => number
  /** Receives a sentence while a migration or a change of keys waits for a lock of another session. */
  onWait?: (text: string) => void
}

/**
 * Connects to a PostgreSQL server, lazily. `onError` receives the errors of idle connections that the server closed.
 * Every statement fails after `timeout` seconds: two fifths of it for a connection, three fifths for the answer.
 */
export function connectServer(
  url: string,
  onError: (error: Error) => void,
  timeout = 5,
  { directUrl = url, poolSize = 10, random = Math.random, onWait = () => {} }: ServerOptions = {},
): Connection {
  const settingsOf = (text: string) => {
    const address = parseConnectionString(text)
    const { connectTimeout = timeout } = address
    return {
      address,
      route: createRoute(address),
      connectionTimeoutMillis: Math.min(timeout * 400, connectTimeout * 1000),
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
    }
  }
  const bounds = {
    query_timeout: timeout * 600,
    // The statement limit is a little earlier, so that the server cancels a slow statement and the connection survives.
    // The lock limit is earlier still: a statement that waits for a lock does nothing with its connection.
    session: sessionSettings({ statement: timeout * 540, lock: timeout * 200 }),
  }
  const bounded = { ...settingsOf(url), ...bounds }
  const pool = new ServerPool({ ...bounded, application_name: 'claimgate', max: poolSize })
  const apart = new ServerPool({
    ...bounded,
    application_name: 'claimgate readiness',
    max: 1,
    onFull: () => pool.shrink(),
  })
  for (const each of [pool, apart]) each.on('error', onError)
  const again = <T>(work: () => Promise<T>) => repeatConflicts(work, random)
  const queryIn =
    (from: pg.Pool): Connection['query'] =>
    <Row>({ name, text }: Statement, values: readonly unknown[]) =>
      again(async () => {
        const query = { name, text: await qualify(text), values: [...values] }
        return (await from.query(query)).rows as Row[]
      })
  const direct = settingsOf(directUrl)
  const open = (config: Partial<ServerClientConfig>, signal?: AbortSignal) =>
    openWhenFree({ ...direct, ...bounds, ...config }, () => pool.shrink(), signal)
  const goodbye = timeout * 1000
  const listeners: Subscription[] = []
  const { schema, qualify } = createSchema(
    async () =>
      bounded.address.schema ??
      findSchema((script) => runScript(apart, script), bounded.address.session.search_path),
  )
  const exclusive: Omit<ExclusiveSettings, 'keys'> = {
    open: async () => {
      const client = await open({ session: {}, application_name: 'claimgate exclusive' })
      if (directUrl !== url)
        await requireSameDatabase(readerOf(client), readerOf(apart)).catch(async (error) => {
          await client.end()
          throw error
        })
      return client
    },
    goodbye,
    watch: (keys, pid) => reportWaits(queryIn(apart), keys, pid, onWait),
  }
  return {
    adapter: createServerAdapter(pool, schema, again),
    schema,
    qualify,
    query: queryIn(pool),
    queryApart: queryIn(apart),
    exclusively: (work) => holdLocks({ ...exclusive, keys: [locks.gateway] }, work),
    transact: (work) =>
      transactLocked(
        { ...exclusive, keys: [locks.gateway, locks.prismaMigrate], schema: { schema, qualify } },
        work,
      ),
    listen: (channel, subscriber) => {
      const notify = (to: string, message: string) => pool.query('SELECT pg_notify($1, $2)', [to, message])
      const settings = {
        open: (signal: AbortSignal) => open({ application_name: 'claimgate listener' }, signal),
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
    isPooled: async () => {
      const client = await apart.connect()
      client.release()
      return (client as unknown as ServerClient).isPooled
    },
  }
}

/** Opens a connection. When the server has none left, `makeRoom` frees one, until the connection time limit. */
async function openWhenFree(
  config: ServerClientConfig,
  makeRoom: () => void,
  signal: AbortSignal | undefined,
): Promise<ServerClient> {
  const end = performance.now() + (config.connectionTimeoutMillis ?? 0)
  for (;;) {
    try {
      return await openClient(config, signal)
    } catch (error) {
      if (!isFull(error) || signal?.aborted || performance.now() > end) throw error
      makeRoom()
      await sleep(pause)
    }
  }
}

const mostRepetitions = 20

/** Repeats a statement that lost against a concurrent one, after a pause of up to 100 milliseconds. */
async function repeatConflicts<T>(work: () => Promise<T>, random: () => number): Promise<T> {
  for (let left = mostRepetitions; ; left--) {
    try {
      return await work()
    } catch (error) {
      if (left === 0 || !isConflict(error)) throw error
      await sleep(random() * 100)
    }
  }
}

const readerOf = (client: Pick<pg.ClientBase, 'query'>) => ({
  query: async <Row>(text: string) => (await client.query(text)).rows as Row[],
})

/** Runs a script as one transaction, and returns the rows of its last statement. */
async function runScript(pool: pg.Pool, script: string): Promise<unknown[]> {
  const results = (await pool.query(script)) as unknown as pg.QueryResult[]
  return results.at(-1)?.rows ?? []
}

/** Creates Prisma's adapter for a PostgreSQL server, over a shared pool. */
function createServerAdapter(
  pool: pg.Pool,
  schema: () => Promise<string>,
  again: <T>(work: () => Promise<T>) => Promise<T>,
): SqlDriverAdapterFactory {
  return {
    provider: 'postgres',
    adapterName: '@prisma/adapter-pg',
    connect: async () => {
      const { PrismaPg } = await import('@prisma/adapter-pg')
      const adapter = await new PrismaPg(pool, { schema: await schema() }).connect()
      const { queryRaw, executeRaw, startTransaction } = adapter
      return Object.assign(adapter, {
        queryRaw: (query: SqlQuery) => again(() => queryRaw.call(adapter, query)),
        executeRaw: (query: SqlQuery) => again(() => executeRaw.call(adapter, query)),
        // A pooled connection has the isolation that the role or the database sets by default.
        startTransaction: (level: IsolationLevel = 'READ COMMITTED') => startTransaction.call(adapter, level),
      })
    },
  }
}
