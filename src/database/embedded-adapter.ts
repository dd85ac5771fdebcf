import { PGlite } from '@electric-sql/pglite'
import type { SqlDriverAdapter, SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import { PrismaPGlite } from 'pglite-prisma-adapter'

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
    connectToShadowDb: async () => connect(await PGlite.create()),
  }
}

async function connect(pglite: PGlite): Promise<SqlDriverAdapter> {
  return Object.assign(await new PrismaPGlite(pglite).connect(), {
    executeScript: async (script: string) => void (await pglite.exec(script)),
  })
}
