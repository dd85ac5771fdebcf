import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import {
  bindMigrationAwareSqlAdapterFactory,
  type SqlMigrationAwareDriverAdapterFactory,
} from '@prisma/driver-adapter-utils'
import type { MigrationList, SchemaEngine } from '@prisma/schema-engine-wasm/schema_engine_bg'
import * as bindings from '@prisma/schema-engine-wasm/schema_engine_bg'
import { findMigrationNames, loadMigration } from '../src/migrations/migrate.ts'

declare const WebAssembly: {
  instantiate(bytes: Uint8Array, imports: object): Promise<{ instance: { exports: Record<string, unknown> } }>
}

/**
 * Creates Prisma's schema engine as WebAssembly, over a driver adapter. `prisma migrate` runs the same engine as a
 * native binary, which it downloads. The caller frees it with `free()`.
 */
export async function createSchemaEngine(
  adapter: SqlMigrationAwareDriverAdapterFactory,
): Promise<SchemaEngine> {
  loading ??= loadEngine()
  await loading
  return bindings.SchemaEngine.new(
    { datamodels: undefined },
    () => {},
    bindMigrationAwareSqlAdapterFactory(adapter),
  )
}

/** Returns the migrations with their SQL, in the form that the engine takes. */
export async function listMigrations(root: URL): Promise<MigrationList> {
  const names = await findMigrationNames(root)
  return {
    baseDir: 'prisma/migrations',
    shadowDbInitScript: '',
    lockfile: {
      path: 'migration_lock.toml',
      content: await readFile(new URL('prisma/migrations/migration_lock.toml', root), 'utf8'),
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

// The package's bindings use one instance for the whole process; a second one would replace the memory of the first.
let loading: Promise<void> | undefined

async function loadEngine(): Promise<void> {
  const location = fileURLToPath(import.meta.resolve('@prisma/schema-engine-wasm/schema_engine_bg'))
  const bytes = await readFile(location.replace(/\.js$/, '.wasm'))
  const { instance } = await WebAssembly.instantiate(bytes, { './schema_engine_bg.js': imports() })
  bindings.__wbg_set_wasm(instance.exports)
  ;(instance.exports.__wbindgen_start as () => void)()
}

// The engine never clears the 10-second timer of its lock, which must not keep a finished process alive.
function imports(): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(bindings as Record<string, unknown>).map(([name, binding]) => {
      if (!name.startsWith('__wbg_setTimeout_')) return [name, binding]
      const start = binding as (...args: unknown[]) => NodeJS.Timeout
      return [name, (...args: unknown[]) => start(...args).unref()]
    }),
  )
}
