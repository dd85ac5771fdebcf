import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { PGlite } from '@electric-sql/pglite'
import type { SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import { PrismaPGlite } from 'pglite-prisma-adapter'
import { findMigrationNames } from '../src/migrations/migrate.ts'
import { createSchemaEngine, listMigrations } from './schema-engine.ts'

/**
 * Returns the SQL from the migrations of `root` to its `prisma/schema.prisma`, or null when they agree.
 * It runs on an in-memory PGlite: on a server the engine would put its shadow tables into the real database.
 */
export async function diffSchema(root: URL): Promise<string | null> {
  const pglite = new PGlite()
  const engine = await createSchemaEngine(createAdapter(pglite))
  try {
    const schema = await readFile(new URL('prisma/schema.prisma', root), 'utf8')
    const { exitCode, stdout } = await engine.diff({
      from: { tag: 'migrations', ...(await listMigrations(root)) },
      to: { tag: 'schemaDatamodel', files: [{ path: 'schema.prisma', content: schema }] },
      script: true,
      exitCode: true,
      filters: { externalTables: [], externalEnums: [] },
    })
    return exitCode === 2 ? stdout : null
  } finally {
    engine.free()
    await pglite.close()
  }
}

/** Creates the engine's adapter of a temporary database, which also serves as the shadow database. */
export function createAdapter(pglite: PGlite): SqlMigrationAwareDriverAdapterFactory {
  const factory = new PrismaPGlite(pglite)
  // The package's own executeScript does not wait for the result.
  const executeScript = async (script: string) => void (await pglite.exec(script))
  const connect = async () => Object.assign(await factory.connect(), { executeScript })
  const { provider, adapterName } = factory
  return { provider, adapterName, connect, connectToShadowDb: connect }
}

/** Writes the next migration as `prisma/migrations/<number>_<name>/migration.sql`; null for an unchanged schema. */
export async function writeMigration(root: URL, name: string): Promise<string | null> {
  const sql = await diffSchema(root)
  if (sql === null) return null
  const number = String((await findMigrationNames(root)).length + 1).padStart(4, '0')
  const folder = new URL(`prisma/migrations/${number}_${name}/`, root)
  await mkdir(folder)
  await writeFile(new URL('migration.sql', folder), sql)
  return `${number}_${name}`
}
