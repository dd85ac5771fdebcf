import type { Logger } from 'pino'
import { codesOf, isOutage } from '../database/failures.ts'

/**
 * Creates the log of work that is repeated: a warning when the work begins to fail and when it fails for another reason,
 * and a line when it succeeds again.
 */
export function createFailureReport(log: Logger, failure: string, recovery: string) {
  let reason: string | null = null
  return {
    failed(error: unknown): void {
      const found = [String(error), ...codesOf(error)].join(' ')
      if (found === reason) return
      reason = found
      log.warn({ err: error }, failure)
    },
    succeeded(): void {
      if (reason === null) return
      reason = null
      log.info(recovery)
    },
  }
}

/** The log of the database's outages. */
export type OutageReport = {
  /** Returns true when the error belongs to an outage. Logs the first one. */
  failed(error: unknown): boolean
  /** Logs the end of an outage. */
  succeeded(): void
}

/**
 * Creates the report of a running gateway. An outage fails statements for changing reasons, and many of them, so the log
 * has one line at its beginning and one at its end. A statement that only took too long is no outage.
 */
export function createOutageReport(log: Logger): OutageReport {
  let isAway = false
  return {
    failed: (error) => {
      if (!isOutage(error)) return false
      if (!isAway) log.warn({ err: error }, databaseMessages.away)
      isAway = true
      return true
    },
    succeeded: () => {
      if (isAway) log.info(databaseMessages.back)
      isAway = false
    },
  }
}

/** The log lines of a database that does not answer, and that answers again. */
export const databaseMessages = {
  away: 'database unavailable; requests that need it get 503; retrying',
  back: 'database available; serving all requests',
}
