import { PrismaPg } from '@prisma/adapter-pg'
import type { SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import type pg from 'pg'
import { createExecuteScript } from './engine-script.ts'

/**
 * Prisma's adapter for a PostgreSQL server, over a pool that others may share. The package's own executeScript cuts a
 * script at every semicolon, also inside a function body, so `execute` takes its place
 * (test/database/migrate.test.ts).
 */
export function createServerAdapter(
  pool: pg.Pool,
  execute: (script: string) => Promise<void>,
): SqlMigrationAwareDriverAdapterFactory {
  const factory = new PrismaPg(pool)
  return {
    provider: factory.provider,
    adapterName: factory.adapterName,
    connect: async () =>
      Object.assign(await factory.connect(), { executeScript: createExecuteScript(execute) }),
    connectToShadowDb: () =>
      Promise.reject(
        new Error('A shadow database would land in the real one; diff on the embedded database.'),
      ),
  }
}
