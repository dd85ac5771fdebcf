import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { GatewayError } from '../errors.ts'
import { createFailureReport, databaseMessages } from './failure-report.ts'

// In milliseconds.
const firstPause = 100
const longestPause = 1_000

/** The readiness of the database and the keys. */
export type Readiness = {
  /** Throws `database_unavailable` until `prepare` has succeeded. */
  admit(): void
  /** Returns true after `prepare` has succeeded and before `stop`. */
  isReady(): boolean
  /**
   * Repeats `work` after temporary failures, with pauses of up to a second. Logs a failure when its reason is new, and
   * the end of the failures. Returns true after a success, false when `stop` was called before. Throws a permanent
   * failure.
   */
  prepare(work: () => Promise<void>, log: Logger): Promise<boolean>
  stop(): void
}

/** Creates a readiness that is not ready. `isPassing` returns true for a temporary failure. */
export function createReadiness(isPassing: (error: unknown) => boolean): Readiness {
  const stopping = new AbortController()
  const { signal } = stopping
  let isThere = false
  return {
    admit: () => {
      if (!isThere) throw new GatewayError('database_unavailable', { headers: { 'Retry-After': '5' } })
    },
    isReady: () => isThere && !signal.aborted,
    prepare: async (work, log) => {
      const report = createFailureReport(log, databaseMessages.away, databaseMessages.back)
      for (let pause = firstPause; !signal.aborted; pause = Math.min(2 * pause, longestPause)) {
        try {
          await work()
          isThere = true
          report.succeeded()
          return true
        } catch (error) {
          // `stop` is followed by closing the database, which may also end this `work`.
          if (signal.aborted) break
          if (!isPassing(error)) throw error
          report.failed(error)
        }
        await sleep(pause, undefined, { signal }).catch(() => {})
      }
      return false
    },
    stop: () => stopping.abort(),
  }
}
