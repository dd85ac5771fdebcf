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
 * Creates Prisma's schema engine as WebAssembly, over a driver adapter. `prisma migrate` runs the same engine as a
 * native binary, which it downloads. The caller frees it with `engine.free()`. `originOf` returns the error that the
 * adapter threw, because the engine reports only its number.
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
