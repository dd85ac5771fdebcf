import { parseConnectionString } from '../database/connection-string.ts'
import { endTimeLimits } from '../database/exclusive.ts'
import { quoteIdentifier } from '../database/schema.ts'
import { createRoute, openClient } from '../database/server-client.ts'
import { ImportError } from './problems.ts'

/** A read-only connection to the database of another authentication server. */
export type Source = {
  query<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>
  /** Returns the schema of tables whose name has none: `?schema=` of the URL, or else the first of the search_path. */
  schema(): Promise<string | null>
  close(): Promise<void>
}

const settings = {
  application_name: 'claimgate import',
  connectionTimeoutMillis: 10_000,
  query_timeout: 300_000,
  keepAlive: true,
  session: {},
}

// The transaction is idle while the gateway's database takes a page, so the limits of the source's owner do not hold.
const begin = `BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; ${endTimeLimits};
  SET LOCAL TIME ZONE 'UTC'; SET LOCAL DateStyle TO 'ISO'`

/**
 * Opens a database for reading: one READ ONLY, REPEATABLE READ transaction. The server rejects writes, and every query
 * sees the same snapshot. (A connection pooler would not pass on a session setting such as
 * default_transaction_read_only.) `name` begins the error messages. Throws ImportError `unreachable`, without the URL.
 */
export async function openSource(url: string, name: string): Promise<Source> {
  const address = parseConnectionString(url)
  const config = { ...settings, address, route: createRoute(address) }
  const client = await reached(name, () => openClient(config))
  const query = <Row>(text: string, values: readonly unknown[] = []) =>
    reached(name, async () => (await client.query(text, [...values])).rows as Row[])
  try {
    await query(begin)
    if (address.schema !== undefined)
      await query(`SELECT set_config('search_path', $1, true)`, [quoteIdentifier(address.schema)])
  } catch (error) {
    await client.end().catch(() => {})
    throw error
  }
  const schema = async () => {
    if (address.schema !== undefined) return address.schema
    const [row] = await query<{ schema: string | null }>('SELECT current_schema() AS schema')
    return row?.schema ?? null
  }
  return { query, schema, close: () => client.end().catch(() => {}) }
}

async function reached<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const reason = error instanceof Error ? error.message || (error as { code?: string }).code : String(error)
    throw new ImportError('unreachable', `${name} cannot be read: ${reason}`, error)
  }
}
