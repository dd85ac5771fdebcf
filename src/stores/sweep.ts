import type { Database, Statement } from '../database/database.ts'
import { isTimeout } from '../database/failures.ts'

/** Expired rows of one table, in SQL. In `from` and `expired`, `t` is the row, and $1 the time. */
type Sweeping = {
  table: string
  key: string
  from: string
  expired: string
  /** The table whose pages are read in their order, and its alias in `from`. */
  pages: { table: string; alias: string }
}

const own = (table: string, key: string, expired: string): Sweeping => ({
  ...{ table, key, expired },
  from: `{${table}} t`,
  pages: { table, alias: 't' },
})

// A session stays for a day after its end. Sessions of an earlier epoch have no time of their end. They are found by
// their users, because the user of each session takes ten times as long as the session.
const sweepings: Readonly<Record<string, Sweeping>> = {
  authorization_code: own('authorization_code', 'hash', 't.expires_at < $1::timestamptz'),
  oauth_state: own('oauth_state', 'hash', 't.expires_at < $1::timestamptz'),
  rate_limit: own('rate_limit', 'key', 't.expire <= extract(epoch FROM $1::timestamptz) * 1000'),
  session: own(
    'session',
    'id',
    "least(t.expires_at, t.idle_expires_at, t.revoked_at) < $1::timestamptz - interval '1 day'",
  ),
  session_of_earlier_epoch: {
    table: 'session',
    key: 'id',
    from: '{user} u JOIN {session} t ON t.user_id = u.id AND t.epoch < u.session_epoch AND t.revoked_at IS NULL',
    // They go at any time, but each statement has the same parameters.
    expired: 'u.session_epoch > 0 AND $1::timestamptz IS NOT NULL',
    pages: { table: 'user', alias: 'u' },
  },
}

/** The greatest number of rows that one statement deletes. */
const largestBatch = 1_000

/** A page has about so many sessions. */
const rowsOfPage = 64

/** The number of deleted rows, and true after the last page of the table. */
type Batch = { deleted: number; isLast: boolean }

/**
 * Creates a function that deletes all expired rows and returns their number. Each statement reads a few pages, fewer
 * after a statement that took too long, and leaves out locked rows. A failure at one table does not keep the other
 * tables from being swept. `signal` ends the sweep between two statements.
 */
export function createSweep({ query }: Pick<Database, 'query'>) {
  async function sweepRows(name: string, sweeping: Sweeping, now: Date, signal: AbortSignal | undefined) {
    const statement = statementOf(name, sweeping)
    let deleted = 0
    let size = largestBatch
    let page = 0
    for (let isDone = false; !isDone && !signal?.aborted; ) {
      const pages = Math.ceil(size / rowsOfPage)
      try {
        const [batch] = await query<Batch>(statement, [now, size, page, pages])
        if (!batch) throw new Error(`${name}: the sweep returned no row`)
        deleted += batch.deleted
        // The same pages may have more expired rows.
        if (batch.deleted === size) continue
        page += pages
        isDone = batch.isLast
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
    for (const [name, sweeping] of Object.entries(sweepings)) {
      try {
        deleted += await sweepRows(name, sweeping, now, signal)
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
    return deleted
  }
}

// Pages, because rows in the order of a key are all over a large table, and each then takes ten times as long. An array
// of all places of the pages, because PostgreSQL 13 reads the whole table for a range. A row takes at least 28 bytes.
/** Returns the statement that deletes at most $2 expired rows of the $4 pages from $3 on. */
function statementOf(name: string, { table, key, from, expired, pages }: Sweeping): Statement {
  return {
    name: `sweep_${name}`,
    text: `WITH expired AS MATERIALIZED (
      SELECT t.${key} AS key FROM ${from}
      WHERE ${expired} AND ${pages.alias}.ctid = ANY (ARRAY(
        SELECT format('(%s,%s)', page, place)::tid
        FROM generate_series($3::bigint, $3::bigint + $4::int - 1) page,
          generate_series(1, current_setting('block_size')::int / 28) place))
      LIMIT $2::int FOR UPDATE OF t SKIP LOCKED),
    gone AS (DELETE FROM {${table}} WHERE ${key} = ANY (ARRAY(SELECT key FROM expired)) RETURNING 1)
    SELECT count(*)::int AS deleted, pg_relation_size($table${'$'}{${pages.table}}$table$)
      <= ($3::bigint + $4::int) * current_setting('block_size')::int AS "isLast" FROM gone`,
  }
}
