import { createHash } from 'node:crypto'
import type { Connection, Transaction } from '../database/database.ts'

/** The part of a connection or transaction that reads the history. */
export type Reader = Pick<Connection, 'query' | 'qualify'>

/**
 * The table of the Prisma CLI, so that the CLI stays usable on the same database. Another program in the same schema
 * may record migrations in it too. test/migrations/history.test.ts compares it with the engine of the CLI.
 */
const table = `CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
  "id" VARCHAR(36) NOT NULL PRIMARY KEY,
  "checksum" VARCHAR(64) NOT NULL,
  "finished_at" TIMESTAMPTZ,
  "migration_name" VARCHAR(255) NOT NULL,
  "logs" TEXT,
  "rolled_back_at" TIMESTAMPTZ,
  "started_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
  "applied_steps_count" INTEGER NOT NULL DEFAULT 0
)`

/** Returns the names of the applied migrations, also of other programs. */
export async function findApplied(connection: Reader): Promise<Set<string>> {
  if (!(await hasHistory(connection))) return new Set()
  const rows = await connection.query<{ name: string }>(
    {
      name: 'applied_migrations',
      text: `SELECT migration_name AS name FROM {_prisma_migrations}
             WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL`,
    },
    [],
  )
  return new Set(rows.map((row) => row.name))
}

async function hasHistory(connection: Reader): Promise<boolean> {
  const [row] = await connection.query<{ found: boolean }>(
    { name: 'migration_history', text: 'SELECT to_regclass($1) IS NOT NULL AS found' },
    [await connection.qualify('{_prisma_migrations}')],
  )
  return row?.found === true
}

/**
 * Records a migration as applied, as the Prisma CLI does. A failed attempt of the CLI or of an earlier version of the
 * gateway becomes rolled back: it changed nothing.
 */
export async function recordApplied(transaction: Transaction, name: string, script: string): Promise<void> {
  await transaction.execute(table)
  await transaction.query(
    {
      name: 'failed_attempts',
      text: `UPDATE {_prisma_migrations} SET rolled_back_at = now()
             WHERE migration_name = $1 AND finished_at IS NULL AND rolled_back_at IS NULL`,
    },
    [name],
  )
  await transaction.query(
    {
      name: 'record_migration',
      text: `INSERT INTO {_prisma_migrations} (id, checksum, migration_name, finished_at, applied_steps_count)
             VALUES (gen_random_uuid(), $1, $2, clock_timestamp(), 1)`,
    },
    [createHash('sha256').update(script).digest('hex'), name],
  )
}
