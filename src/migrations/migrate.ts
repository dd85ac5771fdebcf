import { readdir, readFile } from 'node:fs/promises'
import type { Logger } from 'pino'
import type { Connection, Transaction } from '../database/database.ts'
import { findCure } from '../database/explain.ts'
import { isAway } from '../database/failures.ts'
import { quoteIdentifier } from '../database/schema.ts'
import { checkAdoption } from './baseline.ts'
import { findApplied, type Reader, recordApplied } from './history.ts'
import { findProblems } from './requirements.ts'

/**
 * Applies the pending migrations and returns the names of the migrations that this call applied. Concurrent processes
 * are safe: each migration is applied once. Prisma's own table records them, so that the Prisma CLI stays usable.
 * A migration and its record are one transaction: a failure or a kill leaves nothing of both. Throws before any change
 * when the database lacks something that `findProblems` names.
 */
export async function migrate(connection: Connection, root: URL): Promise<string[]> {
  let pending: string[] = []
  const problems = await findProblems(connection, async () => {
    pending = await findPending(connection, root)
    return pending
  })
  if (problems.length > 0)
    throw new Error(problems.map(({ detail, cure }) => `${detail}. ${cure}`).join('\n'))
  return pending.length === 0 ? [] : connection.transact((transaction) => applyNext(transaction, root))
}

/** Applies the next pending migration and returns its name; null when none is pending. */
async function applyNext(transaction: Transaction, root: URL): Promise<string | null> {
  const [name] = await findPending(transaction, root)
  if (name === undefined) return null
  const [first, ...later] = await findMigrationNames(root)
  if (name === first) {
    await createMissingSchema(transaction)
    await checkAdoption(transaction, await loadMigrations(root, later))
  }
  const script = await loadMigration(root, name)
  try {
    await transaction.execute(script)
  } catch (error) {
    // A temporary failure stays unchanged, so that the caller can wait and retry.
    if (!(error instanceof Error) || isAway(error)) throw error
    throw new Error(`Migration ${name} failed and changed nothing. ${error.message}`, { cause: error })
  }
  await recordApplied(transaction, name, script)
  return name
}

/** Creates the schema of `?schema=` unless it exists. */
async function createMissingSchema(transaction: Transaction): Promise<void> {
  const schema = await transaction.schema()
  const text = 'SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1'
  const found = await transaction.query({ name: 'find_schema', text }, [schema])
  // CREATE SCHEMA IF NOT EXISTS needs the right to create, also when the schema exists.
  if (found.length === 0) await transaction.execute(`CREATE SCHEMA ${quoteIdentifier(schema)}`)
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

/** Returns the error with its reason, and with what to do when the server refuses user, name or connection. */
function explainStart(cause: unknown): Error {
  const cure = findCure(cause)
  return new Error(`The database cannot be used: ${reasonOf(cause)}${cure ? `. ${cure}` : ''}`, { cause })
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

/** Returns the SQL of one migration. */
export async function loadMigration(root: URL, name: string): Promise<string> {
  return readFile(new URL(`${name}/migration.sql`, folder(root)), 'utf8')
}

const loadMigrations = (root: URL, names: readonly string[]): Promise<string[]> =>
  Promise.all(names.map((name) => loadMigration(root, name)))
