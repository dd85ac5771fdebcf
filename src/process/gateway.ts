import type { RequestListener } from 'node:http'
import { availableParallelism } from 'node:os'
import type { Logger } from 'pino'
import { createApp, createMetricsApp } from '../app.ts'
import { createHashThreads, type HashThreads, shareOfCores } from '../authentication/hash-threads.ts'
import type { Provider } from '../authentication/provider.ts'
import type { Config } from '../config/config.ts'
import { findMissingRoles } from '../config/warnings.ts'
import type { Clock } from '../context.ts'
import type { Database } from '../database/database.ts'
import { isAway } from '../database/failures.ts'
import { readVersion, type Version } from '../database/version.ts'
import { createDependencies } from '../dependencies.ts'
import { fastPath } from '../endpoints/fast-path.ts'
import { createClientError } from '../http/client-error.ts'
import { securityHeaders } from '../http/headers.ts'
import { createFetch } from '../http/proxy-fetch.ts'
import { listen, type RunningServer } from '../http/server.ts'
import type { ShareMetrics } from '../observability/metrics.ts'
import type { PageFiles } from '../pages/assets.ts'
import { createProviderRoles } from '../stores/provider-roles.ts'
import type { KeyPair } from '../tokens/key-pair.ts'
import { createKeyring, generateSigningKey, type Keyring } from '../tokens/keyring.ts'
import { connectDeployment, prepareKey } from './deployment.ts'
import { createOutageReport } from './failure-report.ts'
import { startMaintenance } from './maintenance.ts'
import { createReadiness } from './readiness.ts'

export type GatewayOptions = {
  config: Config
  providers: readonly Provider[]
  /** The files of the pages; null when the pages are off. */
  pages: PageFiles | null
  /** The folder of package.json. */
  root: URL
  log: Logger
  /** Shares the metrics of all workers; undefined for a single process. */
  shareMetrics?: ShareMetrics | undefined
  /** The time of every feature; the database's by default. */
  clock?: Clock
  fetch?: typeof globalThis.fetch
  /** Computes password hashes. */
  hashThreads?: HashThreads
  /** Generates a signing key of a number of bits. */
  generateKey?: (bits: number) => Promise<KeyPair>
}

/** A gateway that accepts connections. */
export type Gateway = {
  version: Version
  port: number
  /** The port of AUTH_METRICS_PORT; undefined without one. */
  metricsPort: number | undefined
  keys: Keyring
  database: Database
  /**
   * Resolves with true when the database is migrated and the keys are loaded, with false when the gateway was closed
   * before. Rejects on a permanent failure, such as a wrong password; the caller must still close the gateway.
   */
  ready: Promise<boolean>
  /**
   * Serves for `drain` more seconds if it is ready, while `/readyz` is 503. Then stops accepting connections, waits for
   * running requests up to the shutdown grace, and closes the database.
   */
  close(drain?: number): Promise<void>
}

/** Returns the delay of the first sweep in milliseconds: after the start, and at a different time in each replica. */
const soon = () => 10_000 + Math.random() * 50_000

/**
 * Listens, migrates the database, and loads or creates the keys. While the database is unreachable it retries, and
 * answers the requests that need no database. Throws when it cannot listen or open the embedded database, and then
 * closes everything.
 */
export async function startGateway({
  generateKey = generateSigningKey,
  pages,
  root,
  ...options
}: GatewayOptions): Promise<Gateway> {
  const { config, log } = options
  const generate = prepareKey(config, generateKey)
  const deployment = await connectDeployment(config, root, log, { kind: 'gateway', generate })
  const { database, databaseClock } = deployment
  const {
    clock = databaseClock.now,
    hashThreads = createHashThreads({ size: shareOfCores(availableParallelism(), config.workers) }),
  } = options
  const servers: RunningServer[] = []
  const serve = async (listener: RequestListener, port: number, portVariable: string) => {
    const server = await listen(listener, {
      ...config,
      port,
      portVariable,
      idleTimeout: longestAnswer(config),
      onFull: createFullWarning(log, config.maxConnections),
      onClientError: createClientError(securityHeaders(config.publicUrl)),
    })
    servers.push(server)
    return server.port
  }
  try {
    const keys = createKeyring(deployment.keySettings)
    const readiness = createReadiness(isAway)
    const outage = createOutageReport(log)
    const fetch = options.fetch ?? (await createFetch(config.proxies))
    const version = readVersion(root)
    const foundation = { ...options, clock, fetch, hashThreads, deployment, keys, readiness, outage, version }
    const deps = await createDependencies(foundation)
    const port = await serve(fastPath(deps, createApp(deps, pages).callback()), config.port, 'PORT')
    const metricsPort =
      deps.metrics && config.metricsPort !== undefined
        ? await serve(
            createMetricsApp(deps, deps.metrics).callback(),
            config.metricsPort,
            'AUTH_METRICS_PORT',
          )
        : undefined
    const work = async () => {
      await deployment.migrate()
      await databaseClock.measure()
      await keys.update(clock())
      const missing = await findMissingRoles(config, createProviderRoles(database).findMissing)
      for (const { name, detail, cure } of missing) log.warn({ name }, `${name} ${detail}; ${cure}`)
    }
    let endMaintenance = async () => {}
    const ready = readiness.prepare(work, log.child({ port })).then((isReady) => {
      if (readiness.isReady()) endMaintenance = startMaintenance(deps, deployment, keys, outage, soon())
      return isReady
    })
    const end = async (drain: number) => {
      const times = { drain: readiness.isReady() ? drain : 0, grace: config.shutdownGrace }
      readiness.stop()
      await Promise.all(servers.map((server) => server.close(times)))
      await endMaintenance()
      await deployment.close()
      await deps.tracing?.close()
    }
    let ended: Promise<void> | undefined
    return {
      version,
      port,
      metricsPort,
      keys,
      database,
      ready,
      close: (drain = 0) => {
        ended ??= end(drain)
        return ended
      },
    }
  } catch (error) {
    await Promise.all(servers.map((server) => server.close({ drain: 0, grace: 0 })))
    await deployment.close()
    throw error
  }
}

/** Returns a time in seconds that no request takes: a login may wait for two hashes, a callback asks a provider five times. */
function longestAnswer({ requestTimeout, hashWait, providerTimeout, databaseTimeout }: Config): number {
  return requestTimeout + 2 * hashWait + 5 * providerTimeout + 5 * databaseTimeout
}

/** Creates a function that logs refused connections, at most once a minute. */
function createFullWarning(log: Logger, maxConnections: number): () => void {
  let silentUntil = 0
  return () => {
    if (performance.now() < silentUntil) return
    silentUntil = performance.now() + 60_000
    log.warn({ maxConnections }, 'connection refused: AUTH_MAX_CONNECTIONS are open')
  }
}
