import type { Database, Statement } from '../database/database.ts'
import { isTimeout } from '../database/failures.ts'

/** The SQL condition of an expired row: `t` is the row, and $1 the time. */
type SweptTable = { key: string; expired: string }

// A session stays for a day after its end. Sessions of an earlier epoch have no time of their end.
const tables: Readonly<Record<string, SweptTable>> = {
  authorization_code: { key: 'hash', expired: 't.expires_at < $1::timestamptz' },
  oauth_state: { key: 'hash', expired: 't.expires_at < $1::timestamptz' },
  rate_limit: { key: 'key', expired: 't.expire <= extract(epoch FROM $1::timestamptz) * 1000' },
  session: {
    key: 'id',
    expired: `(least(t.expires_at, t.idle_expires_at, t.revoked_at) < $1::timestamptz - interval '1 day'
      OR t.epoch < (SELECT u.session_epoch FROM {user} u WHERE u.id = t.user_id))`,
  },
}

/** The greatest number of rows that one statement reads. */
const largestBatch = 1_000

/** The last key of a batch, null after the last row, and the number of deleted rows. */
type Batch = { last: unknown; deleted: number }

/**
 * Creates a function that deletes all expired rows and returns their number. Each statement reads a bounded number of rows,
 * fewer after a statement that took too long, and leaves out locked rows. A failure at one table does not keep the other
 * tables from being swept. `signal` ends the sweep between two statements.
 */
export function createSweep({ query }: Pick<Database, 'query'>) {
  async function sweepTable(name: string, table: SweptTable, now: Date, signal: AbortSignal | undefined) {
    let deleted = 0
    let size = largestBatch
    for (let last: unknown; last !== null && !signal?.aborted; ) {
      const values = [now, size, ...(last === undefined ? [] : [last])]
      try {
        const [batch] = await query<Batch>(batchOf(name, table, last === undefined), values)
        deleted += batch?.deleted ?? 0
        last = batch?.last ?? null
      } catch (error) {
        if (!isTimeout(error) || size === 1) throw error
        size = Math.ceil(size / 2)
      }
    }
    return deleted
  }

  return async function sweep(now: Date, signal?: AbortSignal): Promise<number> {
    let deleted = 0
    const failures: unknown[] = []
    for (const [name, table] of Object.entries(tables)) {
      try {
        deleted += await sweepTable(name, table, now, signal)
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
    return deleted
  }
}

// Arrays, because a plan without values may join a batch with the whole table.
/** Returns the statement for the first batch, or for the batch after the key $3. */
function batchOf(name: string, { key, expired }: SweptTable, isFirst: boolean): Statement {
  const where = isFirst ? '' : `WHERE ${key} > $3`
  return {
    name: `sweep_${name}_${isFirst ? 'first' : 'next'}`,
    text: `WITH batch AS MATERIALIZED (SELECT ${key} AS key FROM {${name}} ${where} ORDER BY ${key} LIMIT $2::int),
    expired AS MATERIALIZED (
      SELECT t.${key} AS key FROM {${name}} t WHERE t.${key} = ANY (ARRAY(SELECT key FROM batch)) AND ${expired}
      FOR UPDATE SKIP LOCKED),
    gone AS (DELETE FROM {${name}} WHERE ${key} = ANY (ARRAY(SELECT key FROM expired)) RETURNING 1)
    SELECT (SELECT key FROM batch ORDER BY key OFFSET $2::int - 1) AS last, (SELECT count(*)::int FROM gone) AS deleted`,
  }
}
