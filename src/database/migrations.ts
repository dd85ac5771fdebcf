import { readdir, readFile } from 'node:fs/promises'
import type { MigrationList } from '@prisma/schema-engine-wasm/schema_engine_bg'

const folder = (root: URL): URL => new URL('prisma/migrations/', root)

/** The names of the migrations that this version knows, in the order in which they are applied. */
export async function findMigrationNames(root: URL): Promise<string[]> {
  const entries = await readdir(folder(root), { withFileTypes: true })
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
}

/** The migrations with their SQL, in the form that Prisma's schema engine takes. */
export async function loadMigrations(root: URL): Promise<MigrationList> {
  const names = await findMigrationNames(root)
  return {
    baseDir: 'prisma/migrations',
    shadowDbInitScript: '',
    lockfile: {
      path: 'migration_lock.toml',
      content: await readFile(new URL('migration_lock.toml', folder(root)), 'utf8'),
    },
    migrationDirectories: await Promise.all(
      names.map(async (path) => ({
        path,
        migrationFile: {
          path: 'migration.sql',
          content: { tag: 'ok' as const, value: await loadMigration(root, path) },
        },
      })),
    ),
  }
}

/** The SQL of one migration. */
export async function loadMigration(root: URL, name: string): Promise<string> {
  return readFile(new URL(`${name}/migration.sql`, folder(root)), 'utf8')
}
