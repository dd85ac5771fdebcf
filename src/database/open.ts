import type { Logger } from 'pino'
import type { Connection } from './database.ts'
import { connectServer } from './postgres.ts'
import { describeVersion, readVersion } from './version.ts'

/** The location of the database, and for a server the time limit of a statement in seconds and the size of the pool. */
export type DatabaseSettings = {
  databaseUrl?: string | undefined
  databaseDirectUrl?: string | undefined
  databasePool?: number
  databaseTimeout?: number
  dataDir: string
}

/** Returns the location of the snapshot that the build made for new embedded databases. */
export const snapshotUrl = (root: URL): URL => new URL('dist/snapshot/', root)

/** The kind of a process: a gateway serves the embedded database to commands. */
export type ProcessKind = 'gateway' | 'command'

/**
 * Connects to the database of a deployment, a server or the embedded database, and applies no migrations. `root` is the
 * folder of package.json. Throws when the embedded database cannot be locked or opened.
 */
export async function connectDatabase(
  { databaseUrl, databaseDirectUrl, databasePool, databaseTimeout, dataDir }: DatabaseSettings,
  root: URL,
  log: Logger,
  kind: ProcessKind = 'command',
): Promise<Connection> {
  if (databaseUrl === undefined) {
    // Loaded lazily: a gateway on a server saves these ten megabytes.
    const { openEmbedded } = await import('./embedded.ts')
    return openEmbedded(dataDir, snapshotUrl(root), {
      isGateway: kind === 'gateway',
      release: describeVersion(readVersion(root)),
      warn: (text) => log.warn(text),
    })
  }
  const onError = (error: Error) => log.debug({ err: error }, 'idle database connection lost')
  return connectServer(databaseUrl, onError, databaseTimeout, {
    directUrl: databaseDirectUrl,
    poolSize: databasePool,
    onWait: (text) => log.warn(text),
  })
}
