import { setTimeout as sleep } from 'node:timers/promises'
import { RateLimiterMemory, RateLimiterPostgres } from 'rate-limiter-flexible'
import type { CreateLimiter } from '../limits/limits.ts'
import type { Database, Statement } from './database.ts'

// In milliseconds.
const patience = 1_000
const pause = 5_000

/** Counters in the memory of this process, for a deployment that is one process. */
export const createMemoryLimiter: CreateLimiter = (keyPrefix, { points, seconds: duration }) =>
  new RateLimiterMemory({ keyPrefix, points, duration })

/**
 * Counters in the table `rate_limit`, for replicas that share a database. While the database is away or slower than a
 * second each process counts for itself, and asks the database again after five seconds.
 */
export function createServerLimiters({ query }: Pick<Database, 'query'>): CreateLimiter {
  const store = createStore(query)
  return (keyPrefix, { points, seconds: duration }) =>
    new RateLimiterPostgres({
      storeClient: store,
      storeType: 'pool',
      tableName: 'rate_limit',
      tableCreated: true,
      clearExpiredByTimeout: false,
      keyPrefix,
      points,
      duration,
      insuranceLimiter: createMemoryLimiter(keyPrefix, { points, seconds: duration }),
    })
}

/** Removes the counters of windows that are over; says how many. */
export async function sweepLimits({ prisma }: Pick<Database, 'prisma'>, now: Date): Promise<number> {
  return (await prisma.rateLimit.deleteMany({ where: { expire: { lte: now.getTime() } } })).count
}

/** What RateLimiterPostgres asks of a pool. A limit must not take longer than the request whose limit it is. */
function createStore(query: Database['query']) {
  let awayUntil = 0
  return {
    query: async ({ values, ...statement }: Statement & { values: unknown[] }) => {
      if (performance.now() < awayUntil) throw new Error('the database was away a moment ago')
      const isLate = new AbortController()
      try {
        const rows = await Promise.race([
          query(statement, values),
          sleep(patience, null, { signal: isLate.signal, ref: false }),
        ])
        if (rows === null) throw new Error(`no answer within ${patience} ms`)
        return { rows, rowCount: rows.length }
      } catch (error) {
        awayUntil = performance.now() + pause
        throw error
      } finally {
        isLate.abort()
      }
    },
  }
}
