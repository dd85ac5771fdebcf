import type { Logger } from 'pino'
import { createApp } from '../app.ts'
import type { Provider } from '../authentication/provider.ts'
import type { Config } from '../config/config.ts'
import type { Clock } from '../context.ts'
import type { Database } from '../database/database.ts'
import { isAway } from '../database/failures.ts'
import { createDependencies } from '../dependencies.ts'
import { createClientError } from '../http/client-error.ts'
import { securityHeaders } from '../http/headers.ts'
import { listen } from '../http/server.ts'
import type { ShareMetrics } from '../observability/metrics.ts'
import type { PageFiles } from '../pages/assets.ts'
import { createKeyring, type Keyring } from '../tokens/keyring.ts'
import { connectDeployment, prepareKey } from './deployment.ts'
import { startMaintenance } from './maintenance.ts'
import { createReadiness } from './readiness.ts'

export type GatewayOptions = {
  config: Config
  providers: readonly Provider[]
  /** What the pages are made of; null when there are none. */
  pages: PageFiles | null
  /** The folder of package.json. */
  root: URL
  log: Logger
  /** How the metrics of all processes that serve together are put into one; undefined for one that is alone. */
  shareMetrics?: ShareMetrics | undefined
  clock?: Clock
  fetch?: typeof globalThis.fetch
}

/** A gateway that listens. */
export type Gateway = {
  port: number
  keys: Keyring
  database: Database
  /**
   * Settles when the database is migrated and the keys are loaded: true then, false when it was closed before. Rejects
   * with what waiting does not cure, such as a wrong password; the gateway is still to be closed then.
   */
  ready: Promise<boolean>
  /** Stops accepting, lets running requests finish within the shutdown grace, and closes the database. */
  close(): Promise<void>
}

/** In milliseconds: when nobody is waiting for the start any more, and not when all other replicas do the same. */
const soon = () => 10_000 + Math.random() * 50_000

/**
 * Listens, migrates the database and loads or makes the keys. While the database is away it goes on trying, and answers
 * what it can without. Throws when it cannot listen or open the embedded database, and leaves nothing open then.
 */
export async function startGateway({
  clock = () => new Date(),
  fetch = globalThis.fetch,
  pages,
  root,
  ...options
}: GatewayOptions): Promise<Gateway> {
  const { config, log } = options
  const deployment = await connectDeployment(config, root, log, prepareKey(config))
  const { database } = deployment
  try {
    const keys = createKeyring(deployment.keySettings)
    const readiness = createReadiness(isAway)
    const deps = await createDependencies({ ...options, clock, fetch, deployment, keys, readiness })
    const server = await listen(createApp(deps, pages).callback(), {
      ...config,
      onClientError: createClientError(securityHeaders(config.publicUrl)),
    })
    const work = async () => {
      await deployment.migrate()
      await keys.update(clock())
    }
    let endMaintenance = async () => {}
    const ready = readiness.prepare(work, log.child({ port: server.port })).then((isReady) => {
      if (readiness.isReady()) endMaintenance = startMaintenance(deps, database, keys, soon())
      return isReady
    })
    const end = async () => {
      readiness.stop()
      await server.close(config.shutdownGrace)
      await endMaintenance()
      await deployment.close()
      await deps.tracing?.close()
    }
    let ended: Promise<void> | undefined
    return {
      port: server.port,
      keys,
      database,
      ready,
      close: () => {
        ended ??= end()
        return ended
      },
    }
  } catch (error) {
    await deployment.close()
    throw error
  }
}
