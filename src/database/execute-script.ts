import { createHash } from 'node:crypto'
import { DriverAdapterError } from '@prisma/driver-adapter-utils'
import { isAway } from './failures.ts'

/**
 * Runs a migration for Prisma's schema engine. `execute` runs a script as one transaction, and that transaction also
 * records that the migration is finished: a process that is killed before the engine has noted it must not leave a
 * migration that is applied again. A failure becomes one that the engine can repeat and record.
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

/** Migrations are found by the checksum that the engine stored when it began; other scripts have none there. */
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
  // Not for the engine to judge: what waiting cures comes back as it was (`originOf`).
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
