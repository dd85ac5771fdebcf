import { RateLimiterMemory, RateLimiterPostgres } from 'rate-limiter-flexible'
import type { CreateLimiter } from '../limits/limits.ts'
import type { Database } from './database.ts'
import { createLimitStore } from './limit-store.ts'

// Nobody guesses a refresh token, and a statement more would take a fifth of the refreshes per second.
const perProcess = 'refresh'

/** Counters in the memory of this process, for a deployment that is one process. */
export const createMemoryLimiter: CreateLimiter = (keyPrefix, { points, seconds: duration }) =>
  new RateLimiterMemory({ keyPrefix, points, duration })

/**
 * Counters in the table `rate_limit`, for replicas that share a database. While the database is away or takes longer
 * than a fifth of `timeout` seconds, and for refreshes always, each process counts for itself, and asks the database again
 * after five seconds.
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

/** Removes the counters of windows that are over, by the clock of the process as the limiter has it; says how many. */
export async function sweepLimits({ prisma }: Pick<Database, 'prisma'>, now: Date): Promise<number> {
  return (await prisma.rateLimit.deleteMany({ where: { expire: { lte: now.getTime() } } })).count
}
