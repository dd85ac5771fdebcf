import { readdir, readFile } from 'node:fs/promises'
import type { MigrationList } from '@prisma/schema-engine-wasm/schema_engine_bg'
import type { Logger } from 'pino'
import type { Connection } from '../database/database.ts'
import { baselineExisting } from './baseline.ts'

const filters = { externalTables: [], externalEnums: [] }

/**
 * Applies the migrations that the database does not have yet and returns their names. Safe in any number of processes
 * at once: one applies them, the others wait and find nothing to do. Prisma's own table records them, so that the
 * Prisma CLI stays usable. A migration is one transaction: when it fails or is killed, it is tried again next time.
 */
export async function migrate(connection: Connection, root: URL): Promise<string[]> {
  if ((await findPending(connection, root)).length === 0) return []
  return connection.exclusively(async () => {
    const pending = await findPending(connection, root)
    if (pending.length > 0) await apply(connection, await loadMigrations(root))
    return pending
  })
}

/** Brings a database up to date. Throws when it cannot be reached, adopted or migrated, in words for people. */
export async function updateDatabase(connection: Connection, root: URL, log: Logger): Promise<void> {
  try {
    const applied = await migrate(connection, root)
    if (applied.length > 0) log.info({ applied }, 'migrated the database')
  } catch (error) {
    throw explainStart(error)
  }
}

/** The names of the migrations that this version has and the database has not. */
export async function findPending(connection: Pick<Connection, 'query'>, root: URL): Promise<string[]> {
  const [names, applied] = await Promise.all([findMigrationNames(root), findApplied(connection)])
  return names.filter((name) => !applied.has(name))
}

async function findApplied(connection: Pick<Connection, 'query'>): Promise<Set<string>> {
  if (!(await hasHistory(connection))) return new Set()
  const rows = await connection.query<{ name: string }>(
    {
      name: 'applied_migrations',
      text: `SELECT migration_name AS name FROM _prisma_migrations
             WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL`,
    },
    [],
  )
  return new Set(rows.map((row) => row.name))
}

async function hasHistory(connection: Pick<Connection, 'query'>): Promise<boolean> {
  const [row] = await connection.query<{ found: boolean }>(
    { name: 'migration_history', text: `SELECT to_regclass('_prisma_migrations') IS NOT NULL AS found` },
    [],
  )
  return row?.found === true
}

async function apply(connection: Connection, migrationsList: MigrationList): Promise<void> {
  // The engine is 9 MB of WebAssembly: only a process that has something to apply pays for it.
  const { createSchemaEngine } = await import('./schema-engine.ts')
  const first = migrationsList.migrationDirectories[0]?.path as string
  // Not whether there is a history: another program's migrations may be recorded in the same table.
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

/** The engine's message without its stack trace; `cause` is what it was, in the driver's words if it was the driver's. */
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

/** Says what failed to start, and what to do about the failure that every hosted database gives at first. */
function explainStart(cause: unknown): Error {
  const reason = reasonOf(cause)
  const wantsTls = /no encryption|SSL off|requires? (an )?(SSL|TLS)/i.test(reason)
  const advice = wantsTls
    ? '. The server wants TLS: add ?sslmode=require to DATABASE_URL, or set PGSSLMODE.'
    : ''
  return new Error(`The database cannot be used: ${reason}${advice}`, { cause })
}

/** Node reports the refusals of several addresses by an error without a message of its own. */
function reasonOf(cause: unknown): string {
  if (cause instanceof AggregateError) return cause.errors.map(reasonOf).join('; ')
  return cause instanceof Error ? cause.message : String(cause)
}

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
