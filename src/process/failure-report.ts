import type { Logger } from 'pino'
import { codesOf } from '../database/failures.ts'

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
