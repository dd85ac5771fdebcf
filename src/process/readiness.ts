import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { GatewayError } from '../errors.ts'

// In milliseconds.
const firstPause = 100
const longestPause = 1_000

/** Whether what requests stand on is there yet. */
export type Readiness = {
  /** Throws `database_unavailable` until it is there. */
  admit(): void
  /** Whether it is there, and nobody has begun to stop. */
  isReady(): boolean
  /**
   * Does `work` until it succeeds, with pauses of up to a second, as long as what it throws passes by waiting. True when
   * it has, false when somebody stopped before. Throws what does not pass.
   */
  prepare(work: () => Promise<void>, log: Logger): Promise<boolean>
  stop(): void
}

/** Nothing is there yet. `isPassing` says of a failure whether it may be gone in a while. */
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
      for (let pause = firstPause; !signal.aborted; pause = Math.min(2 * pause, longestPause)) {
        try {
          await work()
          isThere = true
          return true
        } catch (error) {
          // Whoever stops closes the database, also while it is being asked.
          if (signal.aborted) break
          if (!isPassing(error)) throw error
          log.warn({ err: error }, 'the database is away; listening all the same, and trying again')
        }
        await sleep(pause, undefined, { signal }).catch(() => {})
      }
      return false
    },
    stop: () => stopping.abort(),
  }
}
