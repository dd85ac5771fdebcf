import pg from 'pg'
import type { Connection } from './database.ts'
import { createServerAdapter } from './server-adapter.ts'

// Any fixed number that other programs on the same database are unlikely to use.
const lockKey = 7_268_150_433

/**
 * Connects to a PostgreSQL server, lazily. `onError` hears of idle connections that the server dropped. A statement
 * may take 5 seconds, waiting for a connection as long again.
 */
export function connectServer(url: string, onError: (error: Error) => void): Connection {
  const connectionString = withLibpqSslmode(url)
  const pool = new pg.Pool({
    connectionString,
    application_name: 'claimgate',
    connectionTimeoutMillis: 5_000,
    statement_timeout: 5_000,
    keepAlive: true,
  })
  pool.on('error', onError)
  const execute = (script: string) =>
    withClient(connectionString, async (client) => void (await client.query(script)))
  return {
    adapter: createServerAdapter(pool, execute),
    query: async <Row>({ name, text }: { name: string; text: string }, values: readonly unknown[]) =>
      (await pool.query({ name, text, values: [...values] })).rows as Row[],
    execute,
    exclusively: (work) =>
      withClient(connectionString, async (client) => {
        await client.query('SELECT pg_advisory_lock($1)', [lockKey])
        return work()
      }),
    close: () => pool.end(),
  }
}

/** A connection of its own, without a statement timeout: a migration, or waiting for another replica's, may take long. */
async function withClient<T>(connectionString: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 5_000, keepAlive: true })
  client.on('error', () => {})
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
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
