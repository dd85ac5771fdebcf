import { readdir, readFile } from 'node:fs/promises'
import type { MigrationList } from '@prisma/schema-engine-wasm/schema_engine_bg'
import type { Logger } from 'pino'
import type { Connection } from '../database/database.ts'
import { baselineExisting } from './baseline.ts'

type Reader = Pick<Connection, 'query' | 'qualify'>

const filters = { externalTables: [], externalEnums: [] }

/**
 * Applies the pending migrations and returns their names. Concurrent processes are safe: one applies the migrations,
 * the others wait and then find none pending. Prisma's own table records them, so that the Prisma CLI stays usable.
 * A migration is one transaction: after a failure or a kill, the next call applies it again.
 */
export async function migrate(connection: Connection, root: URL): Promise<string[]> {
  if ((await findPending(connection, root)).length === 0) return []
  return connection.exclusively(async () => {
    const pending = await findPending(connection, root)
    if (pending.length > 0) await apply(connection, await loadMigrations(root))
    return pending
  })
}

/** Applies the pending migrations and logs them. Throws when the database cannot be reached, adopted or migrated. */
export async function updateDatabase(connection: Connection, root: URL, log: Logger): Promise<void> {
  try {
    const applied = await migrate(connection, root)
    if (applied.length > 0) log.info({ applied }, 'database migrated')
  } catch (error) {
    throw explainStart(error)
  }
}

/** Returns the names of the migrations that are not applied yet. */
export async function findPending(connection: Reader, root: URL): Promise<string[]> {
  const [names, applied] = await Promise.all([findMigrationNames(root), findApplied(connection)])
  return names.filter((name) => !applied.has(name))
}

async function findApplied(connection: Reader): Promise<Set<string>> {
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

async function apply(connection: Connection, migrationsList: MigrationList): Promise<void> {
  // Loaded lazily: the engine is 9 MB of WebAssembly, and most processes have no migration to apply.
  const { createSchemaEngine } = await import('./schema-engine.ts')
  const first = migrationsList.migrationDirectories[0]?.path as string
  // Checks for our first migration, because another program may record migrations in the same table.
  const isNew = !(await findApplied(connection)).has(first)
  if (isNew) await baselineExisting(connection, sqlOf(migrationsList))
  const { engine, originOf } = await createSchemaEngine(connection.adapter)
  try {
    if (isNew) await engine.markMigrationApplied({ migrationName: first, migrationsList })
    const { failedMigrationNames } = await engine.diagnoseMigrationHistory({
      migrationsList,
      optInToShadowDatabase: false,
      filters,
    })
    const ours = new Set(migrationsList.migrationDirectories.map(({ path }) => path))
    for (const migrationName of failedMigrationNames.filter((name) => ours.has(name))) {
      await engine.markMigrationRolledBack({ migrationName })
    }
    await engine.applyMigrations({ migrationsList, filters })
  } catch (error) {
    throw explainMigration(error, originOf(error))
  } finally {
    engine.free()
  }
}

function sqlOf({ migrationDirectories }: MigrationList): [string, ...string[]] {
  return migrationDirectories.map(({ path, migrationFile: { content } }) => {
    if (content.tag !== 'ok') throw new Error(`Migration ${path} cannot be read`)
    return content.value
  }) as [string, ...string[]]
}

/** Returns the engine's message without its stack trace; `cause` is the original error, of the driver if it failed. */
function explainMigration(error: unknown, cause: unknown): unknown {
  if (!(error instanceof Error)) return cause
  const name = /migration_name="(.+?)"/.exec(error.message)?.[1]
  if (name === undefined) return cause
  const words = cause instanceof Error ? cause.message : error.message
  const reason = words
    .replace(/^external connector error\n/, '')
    .replace(/^Error querying the database: ERROR: /, '')
    .replace(/\n +0: .*/s, '')
  return new Error(`Migration ${name} failed and changed nothing. ${reason}`, { cause })
}

/** Returns the error with its reason. When the server requires TLS, as hosted databases do, it says what to set. */
function explainStart(cause: unknown): Error {
  const reason = reasonOf(cause)
  const wantsTls = /no encryption|SSL off|requires? (an )?(SSL|TLS)/i.test(reason)
  const advice = wantsTls
    ? '. The server requires TLS: add ?sslmode=require to DATABASE_URL, or set PGSSLMODE.'
    : ''
  return new Error(`The database cannot be used: ${reason}${advice}`, { cause })
}

/** Returns the message of an error. Node reports refused connections to several addresses without a message. */
function reasonOf(cause: unknown): string {
  if (cause instanceof AggregateError) return cause.errors.map(reasonOf).join('; ')
  return cause instanceof Error ? cause.message : String(cause)
}

const folder = (root: URL): URL => new URL('prisma/migrations/', root)

/** Returns the names of all migrations of this version, in the order in which they are applied. */
export async function findMigrationNames(root: URL): Promise<string[]> {
  const entries = await readdir(folder(root), { withFileTypes: true })
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
}

/** Returns the migrations with their SQL, in the form that Prisma's schema engine takes. */
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

/** Returns the SQL of one migration. */
export async function loadMigration(root: URL, name: string): Promise<string> {
  return readFile(new URL(`${name}/migration.sql`, folder(root)), 'utf8')
}
