import type { Credentials } from '../context.ts'
import type { Database } from '../database/database.ts'
import { selectCredentials } from './users.ts'

/** A point for a counter, whose window begins with its first point and has this length in seconds. */
export type Point = { key: string; seconds: number }

/** The points of a counter, with the point just counted, and the milliseconds to the end of its window. */
export type Count = { points: number; left: number }

/** The counts in the order of the points. `credentials` are of the user of a login, null without one. */
export type Counted = { counts: Count[]; credentials?: Credentials | null }

/** The end of an attempt. */
export type Settlement = {
  /** The counters that get their point back. */
  keys: readonly string[]
  /** Those of them that go back to zero. */
  forgotten: readonly string[]
  /** Nothing is forgotten unless counter `all` has points left, and counter `own` as many. */
  onlyIf?: { all: string; own: string }
}

// Milliseconds since 1970 of the database's clock, because processes share windows.
const clock = `clock AS MATERIALIZED (
  SELECT (extract(epoch FROM statement_timestamp()) * 1000)::bigint AS now)`

// The order of the keys prevents deadlocks.
const counted = `WITH ${clock}, counted AS (
  INSERT INTO {rate_limit} AS r (key, points, expire)
  SELECT n.key, 1, now + n.seconds * 1000
  FROM unnest($1::text[], $2::bigint[]) AS n (key, seconds), clock ORDER BY n.key
  ON CONFLICT (key) DO UPDATE SET
    points = CASE WHEN r.expire <= (SELECT now FROM clock) THEN 1 ELSE r.points + 1 END,
    expire = CASE WHEN r.expire <= (SELECT now FROM clock) THEN excluded.expire ELSE r.expire END
  RETURNING key, points, (expire - (SELECT now FROM clock))::float8 AS "left")`

const count = { name: 'rate_limit_count', text: `${counted} SELECT * FROM counted` }

// One statement, because each one takes a login a round trip and time of two processes.
const countLogin = {
  name: 'rate_limit_count_login',
  text: `${counted} SELECT * FROM counted LEFT JOIN (${selectCredentials('$3', '$4')}) u ON true`,
}

// A locked row is read as it is after the wait for its lock. A counter without points is deleted, so that zeros do not
// fill the table.
const settle = {
  name: 'rate_limit_settle',
  text: `WITH held AS MATERIALIZED (
      SELECT key, points - 1 AS points FROM {rate_limit}
      WHERE key = ANY ($1::text[]) AND expire > extract(epoch FROM statement_timestamp()) * 1000
      ORDER BY key FOR UPDATE),
    settled AS MATERIALIZED (
      SELECT key, points, points <= 0 OR key = ANY ($2::text[]) AND ($3::text IS NULL OR EXISTS (
        SELECT FROM held a, held o WHERE a.key = $3 AND o.key = $4 AND a.points > 0 AND o.points >= a.points)) AS ends
      FROM held),
    deleted AS (
      DELETE FROM {rate_limit} r USING settled s WHERE r.key = s.key AND s.ends)
    UPDATE {rate_limit} r SET points = s.points FROM settled s WHERE r.key = s.key AND NOT s.ends`,
}

type Row = Count & { key: string } & ({ id: null } | Credentials)

export type RateLimits = ReturnType<typeof createRateLimits>

/** The `rate_limit` table: the counters that replicas share. */
export function createRateLimits({ query }: Pick<Database, 'query'>) {
  return {
    /** Adds a point to each counter. For a login as `username`, the same statement reads the user. */
    count: async (points: readonly Point[], username?: string): Promise<Counted> => {
      const values = [points.map(({ key }) => key), points.map(({ seconds }) => seconds)]
      const rows =
        username === undefined
          ? await query<Row>(count, values)
          : await query<Row>(countLogin, [...values, username, username.trim()])
      const counts = points.map(({ key }) => {
        const row = rows.find((each) => each.key === key)
        if (row === undefined) throw new Error(`The statement rate_limit_count returned no ${key}`)
        return { points: row.points, left: row.left }
      })
      if (username === undefined) return { counts }
      const [user] = rows
      return {
        counts,
        credentials: user?.id ? { id: user.id, password: user.password, active: user.active } : null,
      }
    },

    /** Ends an attempt. */
    settle: async ({ keys, forgotten, onlyIf }: Settlement): Promise<void> =>
      void (await query(settle, [keys, forgotten, onlyIf?.all ?? null, onlyIf?.own ?? null])),
  }
}
