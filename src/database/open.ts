import type { Logger } from 'pino'
import type { Connection } from './database.ts'
import { connectServer } from './postgres.ts'

/** The location of the database, and the time limit of a statement on a server in seconds, 5 by default. */
export type DatabaseSettings = {
  databaseUrl?: string | undefined
  databaseTimeout?: number
  dataDir: string
}

/** Returns the location of the snapshot that the build made for new embedded databases. */
export const snapshotUrl = (root: URL): URL => new URL('dist/snapshot/', root)

/**
 * Connects to the database of a deployment, a server or the embedded database, and applies no migrations. `root` is the
 * folder of package.json. Throws when the embedded database cannot be locked or opened.
 */
export async function connectDatabase(
  { databaseUrl, databaseTimeout, dataDir }: DatabaseSettings,
  root: URL,
  log: Logger,
): Promise<Connection> {
  if (databaseUrl === undefined) {
    // Loaded lazily: a gateway on a server saves these ten megabytes.
    const { openEmbedded } = await import('./embedded.ts')
    return openEmbedded(dataDir, snapshotUrl(root))
  }
  const onError = (error: Error) => log.warn({ err: error }, 'idle database connection lost')
  return connectServer(databaseUrl, onError, databaseTimeout)
}
