import type { Logger } from 'pino'
import type { Connection } from './database.ts'
import { migrate } from './migrate.ts'
import { connectServer } from './server.ts'

/** Where the database is, and the seconds that a statement may take on a server; 5 if it is not said. */
export type DatabaseSettings = {
  databaseUrl?: string | undefined
  databaseTimeout?: number
  dataDir: string
}

/** Where the build leaves the embedded database's starting point. */
export const snapshotUrl = (root: URL): URL => new URL('dist/snapshot/', root)

/**
 * Connects to the database of a deployment, a server or the embedded one, as it is. `root` is the folder of
 * package.json. Throws when the embedded one cannot be locked or opened.
 */
export async function connectDatabase(
  { databaseUrl, databaseTimeout, dataDir }: DatabaseSettings,
  root: URL,
  log: Logger,
): Promise<Connection> {
  if (databaseUrl === undefined) {
    // Ten megabytes that a gateway on a server never needs.
    const { openEmbedded } = await import('./embedded.ts')
    return openEmbedded(dataDir, snapshotUrl(root))
  }
  const onError = (error: Error) => log.warn({ err: error }, 'lost an idle database connection')
  return connectServer(databaseUrl, onError, databaseTimeout)
}

/** Connects to the database and brings it up to date. Throws when it cannot be reached, locked, adopted or migrated. */
export async function openDatabase(settings: DatabaseSettings, root: URL, log: Logger): Promise<Connection> {
  const connection = await connectDatabase(settings, root, log)
  try {
    await updateDatabase(connection, root, log)
    return connection
  } catch (error) {
    await connection.close()
    throw error
  }
}

/** Brings a database up to date. Throws when it cannot be reached, adopted or migrated, in words for people. */
export async function updateDatabase(connection: Connection, root: URL, log: Logger): Promise<void> {
  try {
    const applied = await migrate(connection, root)
    if (applied.length > 0) log.info({ applied }, 'migrated the database')
  } catch (error) {
    throw explain(error)
  }
}

/** Says what failed to start, and what to do about the failure that every hosted database gives at first. */
function explain(cause: unknown): Error {
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
