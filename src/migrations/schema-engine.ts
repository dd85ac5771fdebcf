import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import {
  bindMigrationAwareSqlAdapterFactory,
  type SqlMigrationAwareDriverAdapterFactory,
} from '@prisma/driver-adapter-utils'
import type { SchemaEngine } from '@prisma/schema-engine-wasm/schema_engine_bg'
import * as bindings from '@prisma/schema-engine-wasm/schema_engine_bg'

declare const WebAssembly: {
  instantiate(bytes: Uint8Array, imports: object): Promise<{ instance: { exports: Record<string, unknown> } }>
}

/**
 * Prisma's schema engine as WebAssembly, over a driver adapter: what `prisma migrate` runs, without the native
 * binary that it would download. Free it with `engine.free()`. `originOf` says what the adapter threw, where the engine
 * only has a number for it.
 */
export async function createSchemaEngine(
  adapter: SqlMigrationAwareDriverAdapterFactory,
): Promise<{ engine: SchemaEngine; originOf(error: unknown): unknown }> {
  loading ??= loadEngine()
  await loading
  const bound = bindMigrationAwareSqlAdapterFactory(adapter)
  const engine = await bindings.SchemaEngine.new({ datamodels: undefined }, () => {}, bound)
  return {
    engine,
    originOf: (error) => {
      const id = error instanceof Error ? /External error id#(\d+)/.exec(error.message)?.[1] : undefined
      return id === undefined ? error : (bound.errorRegistry.consumeError(Number(id))?.error ?? error)
    },
  }
}

// The package's bindings speak to one instance for the whole process: a second one would pull the memory out from under
// the first.
let loading: Promise<void> | undefined

async function loadEngine(): Promise<void> {
  const location = fileURLToPath(import.meta.resolve('@prisma/schema-engine-wasm/schema_engine_bg'))
  const bytes = await readFile(location.replace(/\.js$/, '.wasm'))
  const { instance } = await WebAssembly.instantiate(bytes, { './schema_engine_bg.js': imports() })
  bindings.__wbg_set_wasm(instance.exports)
  ;(instance.exports.__wbindgen_start as () => void)()
}

// The engine never clears the 10 seconds that it gives to its lock; they must not keep a finished process alive.
function imports(): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(bindings as Record<string, unknown>).map(([name, binding]) => {
      if (!name.startsWith('__wbg_setTimeout_')) return [name, binding]
      const start = binding as (...args: unknown[]) => NodeJS.Timeout
      return [name, (...args: unknown[]) => start(...args).unref()]
    }),
  )
}
