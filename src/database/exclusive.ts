import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import type { Transaction } from './database.ts'
import { putFirst, type Schema } from './schema.ts'
import type { ServerClient } from './server-client.ts'

// In milliseconds.
const firstPause = 50
const longestPause = 1_000

/** Advisory locks of the database. */
export const locks = {
  /** An arbitrary constant that other programs on the same database are unlikely to use. */
  gateway: 7_268_150_433,
  /** The lock of the Prisma CLI while it migrates. */
  prismaMigrate: 72_707_369,
}

/** The settings of an exclusive transaction. `open` opens a connection without a pooler; `goodbye` is in milliseconds. */
export type ExclusiveSettings = {
  open(): Promise<ServerClient>
  keys: readonly number[]
  goodbye: number
  /** Reports the locks that the transaction waits for, until the returned function is called: see `reportWaits`. */
  watch(keys: readonly number[], pid: () => number): () => void
}

/**
 * Runs `work` while a transaction holds the advisory locks `keys`, on a connection of its own. The locks end with the
 * transaction, so a pooler keeps no lock after a failure or a kill.
 */
export async function holdLocks<T>(settings: ExclusiveSettings, work: () => Promise<T>): Promise<T> {
  return withClient(settings, (client) => lock(client, settings, work))
}

/**
 * Repeats `work` until it returns null, and returns its other results. Each time it runs in a transaction that holds the
 * locks, as in `holdLocks`, and that is committed; all transactions use one connection. The statements of `work` may
 * take any time, and have the schema of the gateway first in their search_path.
 */
export async function transactLocked<T>(
  { schema, ...settings }: ExclusiveSettings & { schema: Schema },
  work: (transaction: Transaction) => Promise<T | null>,
): Promise<T[]> {
  const unbounded = { query_timeout: longestTimer }
  return withClient(settings, (client) => {
    const transaction: Transaction = {
      ...schema,
      query: async ({ text }, values) =>
        (await client.query({ text: await schema.qualify(text), values: [...values], ...unbounded }))
          .rows as never,
      execute: async (script) => void (await client.query({ text: script, ...unbounded } as pg.QueryConfig)),
    }
    return untilNull(() =>
      lock(client, settings, async () => {
        await client.query(putFirst(await schema.schema()))
        const result = await work(transaction)
        await client.query('COMMIT')
        return result
      }),
    )
  })
}

/** Repeats `work` until it returns null, and returns its other results. */
export async function untilNull<T>(work: () => Promise<T | null>): Promise<T[]> {
  const results: T[] = []
  for (;;) {
    const result = await work()
    if (result === null) return results
    results.push(result)
  }
}

async function withClient<T>(
  { open, goodbye }: ExclusiveSettings,
  work: (client: ServerClient) => Promise<T>,
): Promise<T> {
  const client = await open()
  try {
    return await work(client)
  } finally {
    await atMost(goodbye, client.end())
  }
}

/** Runs `work` in a transaction that holds the locks. `work` commits; otherwise everything is rolled back. */
async function lock<T>(
  client: ServerClient,
  { keys, watch }: ExclusiveSettings,
  work: () => Promise<T>,
): Promise<T> {
  let pid = 0
  const endWatch = watch(keys, () => pid)
  try {
    // Polls, because a blocking lock would wait for ever when the server stops answering.
    for (let pause = firstPause; ; pause = Math.min(2 * pause, longestPause)) {
      pid = await begin(client, keys)
      if (pid > 0) break
      await client.query('ROLLBACK')
      await sleep(pause)
    }
    return await work()
  } finally {
    endWatch()
    if (client.getTransactionStatus() !== 'I') await client.query('ROLLBACK').catch(() => {})
  }
}

// In milliseconds. node-postgres takes 0 for the limit of the connection.
const longestTimer = 2 ** 31 - 1

/**
 * Begins a transaction and tries to take the locks. Returns its process id at the server; 0 when another session holds a
 * lock. Time limits that the role or the database sets do not hold in it. Nor does another isolation level, because a
 * lock may come after the snapshot.
 */
async function begin(client: pg.Client, keys: readonly number[]): Promise<number> {
  await client.query(`BEGIN ISOLATION LEVEL READ COMMITTED; ${endTimeLimits}`)
  const { rows } = await client.query(
    `SELECT CASE WHEN bool_and(pg_try_advisory_xact_lock(key)) THEN pg_backend_pid() ELSE 0 END AS pid
     FROM unnest($1::bigint[]) AS key`,
    [keys],
  )
  return rows[0].pid
}

/**
 * Ends the time limits of a transaction. It belongs into the script that begins the transaction, because the server may
 * end a transaction that is idle for a moment. PostgreSQL knows transaction_timeout from version 17 on, so the statement
 * takes the names from the server.
 */
export const endTimeLimits = `SELECT set_config(name, '0', true) FROM pg_catalog.pg_settings WHERE name IN
  ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')`

/** Waits for a connection's end, at most `limit` milliseconds, because the server may be unreachable. */
export async function atMost(limit: number, ending: Promise<void>): Promise<void> {
  const waiting = new AbortController()
  const given = sleep(limit, undefined, { ref: false, signal: waiting.signal }).catch(() => {})
  await Promise.race([ending, given])
  waiting.abort()
}
