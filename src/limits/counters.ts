import { RateLimiterMemory, RateLimiterPostgres } from 'rate-limiter-flexible'
import type { Database, Statement } from '../database/database.ts'
import type { CreateLimiter } from './limits.ts'

// A refresh token cannot be guessed, and another statement would cost a fifth of the refreshes per second.
const perProcess = 'refresh'

/** Creates a counter in memory, for a deployment with a single process. */
export const createMemoryLimiter: CreateLimiter = (keyPrefix, { points, seconds: duration }) =>
  new RateLimiterMemory({ keyPrefix, points, duration })

type LimiterSettings = { databaseUrl: string | undefined; databaseTimeout: number }

/** Creates the counters of a deployment: in memory with the embedded database, else in the database. */
export function createLimiters(queries: Pick<Database, 'query'>, settings: LimiterSettings): CreateLimiter {
  if (settings.databaseUrl === undefined) return createMemoryLimiter
  return createServerLimiters(queries, settings.databaseTimeout)
}

/**
 * Creates counters in the table `rate_limit`, for replicas that share a database. Refreshes are always counted in
 * memory. When a statement fails or takes longer than a fifth of `timeout` seconds, each process counts in memory for
 * five seconds.
 */
export function createServerLimiters(queries: Pick<Database, 'query'>, timeout: number): CreateLimiter {
  const store = createLimitStore(queries, timeout * 200)
  return (keyPrefix, limit) => {
    const ofProcess = createMemoryLimiter(keyPrefix, limit)
    if (keyPrefix === perProcess) return ofProcess
    return new RateLimiterPostgres({
      storeClient: store,
      storeType: 'pool',
      tableName: 'rate_limit',
      tableCreated: true,
      clearExpiredByTimeout: false,
      keyPrefix,
      points: limit.points,
      duration: limit.seconds,
      insuranceLimiter: ofProcess,
    })
  }
}

// In milliseconds.
const pause = 5_000

type Row = { key: string; points: number; expire: string }
type Answer = { rows: Row[]; rowCount: number }
type Asked = { values: unknown[]; resolve(answer: Answer): void; reject(error: unknown): void }

// The milliseconds by which the database's clock is ahead of the process's, whose time is $4. Processes share windows.
const ahead = 'extract(epoch FROM statement_timestamp()) * 1000 - $4::bigint'

// The statement of RateLimiterPostgres for many keys at once. The order of the keys prevents deadlocks.
const count = {
  name: 'rate_limit_count',
  text: `WITH clock AS MATERIALIZED (SELECT (${ahead})::bigint AS ahead)
    INSERT INTO {rate_limit} AS r (key, points, expire)
    SELECT n.key, n.points, n.expire + ahead
    FROM unnest($1::text[], $2::int[], $3::bigint[]) AS n (key, points, expire), clock ORDER BY n.key
    ON CONFLICT (key) DO UPDATE SET
      points = CASE WHEN r.expire <= $4 + (SELECT ahead FROM clock) THEN excluded.points ELSE r.points + excluded.points END,
      expire = CASE WHEN r.expire <= $4 + (SELECT ahead FROM clock) THEN excluded.expire ELSE r.expire END
    RETURNING key, points, expire - (SELECT ahead FROM clock) AS expire`,
}
const forget = {
  name: 'rate_limit_forget',
  text: 'DELETE FROM {rate_limit} WHERE key = ANY($1::text[]) RETURNING key, points, expire',
}

/**
 * Creates the pool of RateLimiterPostgres. It batches concurrent queries into one statement, because a login counts in
 * several limits. A query fails without an answer within `patience` milliseconds, so that limits do not delay requests.
 * After a failure, all queries fail for five seconds.
 */
function createLimitStore({ query }: Pick<Database, 'query'>, patience: number) {
  let awayUntil = 0
  async function ask(statement: Statement, values: unknown[]): Promise<Row[]> {
    if (performance.now() < awayUntil)
      throw new Error('the last query of the limits failed less than 5 seconds ago')
    let timer: NodeJS.Timeout | undefined
    try {
      const late = new Promise<null>((resolve) => {
        timer = setTimeout(resolve, patience, null).unref()
      })
      const rows = await Promise.race([query<Row>(statement, values), late])
      if (rows === null) throw new Error(`no answer within ${patience} ms`)
      return rows
    } catch (error) {
      awayUntil = performance.now() + pause
      throw error
    } finally {
      clearTimeout(timer)
    }
  }
  const counting = createBatch((batch) =>
    ask(count, [
      batch.map(([key]) => key),
      batch.map(([, points]) => points),
      batch.map(([, , expire]) => expire),
      batch[0]?.[3],
    ]),
  )
  const forgetting = createBatch((batch) => ask(forget, [batch.map(([key]) => key)]))
  return {
    query: async ({ values, name, text }: Statement & { values: unknown[] }): Promise<Answer> => {
      if (name.endsWith(':rlflx-upsert')) return counting(values)
      if (name.endsWith(':rlflx-delete')) return forgetting(values)
      const rows = await ask({ name, text: text.replaceAll('"rate_limit"', '{rate_limit}') }, values)
      return { rows, rowCount: rows.length }
    },
  }
}

/** Batches the queries of one turn of the event loop. The first value of a query is the key. */
function createBatch(ask: (batch: unknown[][]) => Promise<Row[]>) {
  let waiting: Asked[] = []

  async function flush(): Promise<void> {
    const batch = [...new Map(waiting.map((asked) => [asked.values[0], asked])).values()]
    // A statement can change a row only once, so a repeated key waits for the next batch.
    const asked = new Set(batch)
    waiting = waiting.filter((each) => !asked.has(each))
    if (waiting.length > 0) setImmediate(flush)
    try {
      const rows = new Map((await ask(batch.map(({ values }) => values))).map((row) => [row.key, row]))
      for (const { values, resolve } of batch) {
        const row = rows.get(values[0] as string)
        resolve({ rows: row ? [row] : [], rowCount: row ? 1 : 0 })
      }
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }
  return (values: unknown[]): Promise<Answer> =>
    new Promise((resolve, reject) => {
      if (waiting.push({ values, resolve, reject }) === 1) setImmediate(flush)
    })
}
