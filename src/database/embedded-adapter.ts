import type { PGlite } from '@electric-sql/pglite'
import type { SqlDriverAdapter, SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import { PrismaPGlite } from 'pglite-prisma-adapter'
import { createExecuteScript } from './engine-script.ts'

/**
 * Prisma's adapter for the embedded database. The package's own executeScript does not wait for its outcome, so a
 * failing migration would be recorded as applied (test/database/migrate.test.ts).
 */
export function createEmbeddedAdapter(pglite: PGlite): SqlMigrationAwareDriverAdapterFactory {
  const factory = new PrismaPGlite(pglite)
  return {
    provider: factory.provider,
    adapterName: factory.adapterName,
    connect: () => connect(pglite),
    connectToShadowDb: () =>
      Promise.reject(
        new Error('A shadow database would land in the real one; only diffSchema has one to spare.'),
      ),
  }
}

async function connect(pglite: PGlite): Promise<SqlDriverAdapter> {
  return Object.assign(await new PrismaPGlite(pglite).connect(), {
    executeScript: createExecuteScript((script) => pglite.exec(script)),
  })
}
