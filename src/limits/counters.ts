import type { Database } from '../database/database.ts'
import {
  type Counted,
  createRateLimits,
  type Point,
  type RateLimits,
  type Settlement,
} from '../stores/rate-limit.ts'

/** Counters of attempts. */
export type Counters = {
  /**
   * Adds a point to each counter. For a login as `username`, the counters in the database also read the user.
   * `settle` ends the attempt where it was counted. It never fails.
   */
  count(
    points: readonly Point[],
    username?: string,
  ): Promise<Counted & { settle(settlement: Settlement): Promise<void> }>
}

type CounterSettings = { databaseUrl: string | undefined; databaseTimeout: number }

/** Creates the counters of a deployment: in memory with the embedded database, else in the database. */
export function createCounters(queries: Pick<Database, 'query'>, settings: CounterSettings): Counters {
  if (settings.databaseUrl === undefined) return createMemoryCounters()
  return createServerCounters(createRateLimits(queries), settings.databaseTimeout)
}

// In milliseconds.
const sweepInterval = 60_000

/** Creates counters in memory. `now` is in milliseconds. */
export function createMemoryCounters(now = () => performance.now()) {
  const counters = new Map<string, { points: number; end: number }>()
  let sweepAt = now() + sweepInterval

  function sweep(): void {
    if (now() < sweepAt) return
    sweepAt = now() + sweepInterval
    for (const [key, { end }] of counters) if (end <= now()) counters.delete(key)
  }

  /** Returns a counter in its window. */
  function find(key: string) {
    const counter = counters.get(key)
    return counter && counter.end > now() ? counter : undefined
  }

  function add({ key, seconds }: Point) {
    const counter = find(key) ?? { points: 0, end: now() + seconds * 1000 }
    counter.points++
    counters.set(key, counter)
    return { points: counter.points, left: counter.end - now() }
  }

  async function settle({ keys, forgotten, onlyIf }: Settlement): Promise<void> {
    for (const key of keys) {
      const counter = find(key)
      if (counter && --counter.points <= 0) counters.delete(key)
    }
    const pointsOf = (key: string) => find(key)?.points ?? 0
    const isOnly = !onlyIf || (pointsOf(onlyIf.all) > 0 && pointsOf(onlyIf.own) >= pointsOf(onlyIf.all))
    if (isOnly) for (const key of forgotten) counters.delete(key)
  }

  return {
    count: async (points: readonly Point[]) => {
      sweep()
      return { counts: points.map(add), settle }
    },
    /** Returns the number of counters. */
    size: () => counters.size,
  } satisfies Counters & { size(): number }
}

// In milliseconds.
const pause = 5_000

/**
 * Creates counters in the table `rate_limit`, for replicas that share a database. When a statement fails or takes longer
 * than a fifth of `timeout` seconds, each process counts in memory for five seconds. So limits do not delay requests.
 */
export function createServerCounters({ count, settle }: RateLimits, timeout: number): Counters {
  const memory = createMemoryCounters()
  let awayUntil = 0

  /** Runs a statement in time; null without an answer. */
  async function ask<T>(statement: () => Promise<T>): Promise<T | null> {
    if (performance.now() < awayUntil) return null
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(resolve, timeout * 200, null).unref()
    })
    const answer = await Promise.race([statement(), late]).catch(() => null)
    clearTimeout(timer)
    if (answer === null) awayUntil = performance.now() + pause
    return answer
  }

  return {
    count: async (points, username) => {
      const counted = await ask(() => count(points, username))
      if (counted === null) return memory.count(points)
      return {
        ...counted,
        settle: async (settlement) => void (await ask(async () => void (await settle(settlement)))),
      }
    },
  }
}
