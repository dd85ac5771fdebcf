import type { Logger } from 'pino'
import type { Connection } from './database.ts'
import { connectServer } from './postgres.ts'

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
