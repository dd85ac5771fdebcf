import { createHash } from 'node:crypto'
import { DriverAdapterError } from '@prisma/driver-adapter-utils'
import { isAway } from './failures.ts'

/**
 * Creates the function that runs a migration for Prisma's schema engine. `execute` runs a script as one transaction,
 * which also records the migration as finished. So a process that is killed before the engine records it leaves no
 * migration that would be applied twice. A failure becomes an error that the engine can report and record.
 */
export function createExecuteScript(execute: (script: string) => Promise<unknown>) {
  return async (script: string): Promise<void> => {
    try {
      await execute(`${script}\n;${finish(script)}`)
    } catch (error) {
      throw toEngineFailure(error)
    }
  }
}

/** Returns SQL that marks a migration as finished. The engine stored the checksum before; other scripts have no row. */
function finish(script: string): string {
  const checksum = createHash('sha256').update(script).digest('hex')
  return `DO $$ BEGIN
  IF to_regclass('_prisma_migrations') IS NOT NULL THEN
    UPDATE _prisma_migrations SET finished_at = clock_timestamp()
    WHERE checksum = '${checksum}' AND finished_at IS NULL AND rolled_back_at IS NULL;
  END IF;
END $$`
}

function toEngineFailure(error: unknown): unknown {
  // A temporary failure stays unchanged, so that the caller can wait and retry (`originOf`).
  if (!(error instanceof Error) || isAway(error)) return error
  const { code, severity, detail, hint } = error as Error & Record<string, string | undefined>
  return new DriverAdapterError({
    kind: 'postgres',
    code: code ?? 'none',
    severity: severity ?? 'ERROR',
    message: error.message,
    detail,
    column: undefined,
    hint,
  })
}
