import { randomUUID } from 'node:crypto'
import { availableParallelism } from 'node:os'
import type { Logger } from 'pino'
import { createApp } from './app.ts'
import { createBreachCheck } from './authentication/breached-passwords.ts'
import { createPasswordHashes } from './authentication/password-hash.ts'
import { loadPasswordPolicy } from './authentication/password-policy.ts'
import type { Provider } from './authentication/provider.ts'
import { shareOfCores } from './cluster/cores.ts'
import type { ShareMetrics } from './cluster/worker.ts'
import type { Config } from './config.ts'
import type { Clock } from './context.ts'
import { watchAccess } from './database/access-changes.ts'
import { type Database, watchQueries } from './database/database.ts'
import { isAway } from './database/failures.ts'
import { createIdentities } from './database/identities.ts'
import { createMemoryLimiter, createServerLimiters, sweepLimits } from './database/limiters.ts'
import { createOneTime } from './database/one-time.ts'
import { createPageSessions } from './database/page-sessions.ts'
import { createSessions } from './database/sessions.ts'
import { createUsers } from './database/users.ts'
import { connectDeployment, prepareKey } from './deployment.ts'
import { createClientError } from './http/client-error.ts'
import { securityHeaders } from './http/headers.ts'
import { listen } from './http/server.ts'
import { every } from './jobs.ts'
import { createLimits } from './limits/limits.ts'
import { createAnnouncer } from './observability/events.ts'
import type { PageFiles } from './pages/load-pages.ts'
import { createReadiness } from './readiness.ts'
import { createAccessCache } from './sessions/access-cache.ts'
import { createKeyring, type Keyring } from './tokens/signing-keys.ts'

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

// In milliseconds.
const sweepInterval = 3_600_000
const keyInterval = 2_000

/**
 * Listens, migrates the database and loads or makes the keys. While the database is away it goes on trying, and answers
 * what it can without. Throws when it cannot listen or open the embedded database, and leaves nothing open then.
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { config, providers, pages, root, log, clock = () => new Date(), fetch = globalThis.fetch } = options
  const deployment = await connectDeployment(config, root, log, prepareKey(config))
  const { database, derive } = deployment
  try {
    // What watches is loaded only where it is asked for.
    const tracing = config.tracesEndpoint
      ? (await import('./observability/tracing.ts')).createTracing(config.tracesEndpoint, log)
      : null
    const keys = createKeyring(deployment.keySettings)
    const hashes = createPasswordHashes({
      ...config,
      concurrency: shareOfCores(availableParallelism(), config.workers),
      queue: config.hashQueue,
      wait: config.hashWait,
    })
    const readiness = createReadiness(isAway)
    const admitted = database.behind(readiness.admit)
    const queries = tracing ? watchQueries(admitted, tracing.aroundStatement) : admitted
    const sessions = createSessions(queries, config.sessionLifetimes)
    const oneTime = createOneTime(queries)
    const accessCache =
      config.webhookCache > 0
        ? createAccessCache(
            sessions.read,
            (changed) => watchAccess(database, log, changed),
            config.webhookCache,
          )
        : null
    const metrics = config.metrics
      ? (await import('./observability/metrics.ts')).createMetrics({
          hashes: hashes.load,
          pool: database.pool,
          accessCache: accessCache?.load,
          keys,
          clock,
          share: options.shareMetrics,
        })
      : null
    const announce = createAnnouncer(metrics?.announced)
    const app = createApp({
      config,
      providers,
      keys,
      secrets: {
        cookie: derive('cookie'),
        refreshToken: derive('refresh-token'),
        page: derive('page'),
        form: derive('form'),
      },
      users: createUsers(queries),
      identities: createIdentities(queries),
      sessions,
      accessCache,
      pageSessions: createPageSessions(queries, config.sessionLifetimes),
      oneTime,
      hashes,
      requirePassword: await loadPasswordPolicy({
        ...config,
        isBreached: createBreachCheck(config, fetch, log),
      }),
      limits: config.rateLimit
        ? createLimits(
            config.databaseUrl === undefined ? createMemoryLimiter : createServerLimiters(queries),
            config.limits,
            derive('rate-limit')[0],
          )
        : null,
      pages,
      isReady: async () => readiness.isReady() && (await deployment.isMigrated()),
      log,
      announce,
      metrics,
      tracing,
      clock,
      createId: randomUUID,
      fetch,
    })
    const server = await listen(app.callback(), {
      ...config,
      onClientError: createClientError(securityHeaders(config.publicUrl)),
    })
    const work = async () => {
      await deployment.migrate()
      await keys.update(clock())
    }
    const jobs: (() => Promise<void>)[] = []
    const begin = () => {
      // Prisma compiles its query engine on first use; better now than in somebody's sign-up.
      database.prisma.$connect().catch((error: unknown) => log.warn({ err: error }, 'the database is away'))
      jobs.push(
        every(sweepInterval, 'sweep', log, async () => void (await oneTime.sweep(clock()))),
        every(
          sweepInterval,
          'sweep the limits',
          log,
          async () => void (await sweepLimits(database, new Date())),
        ),
        // Often enough that a new key is published everywhere long before anybody signs with it.
        every(Math.min(keyInterval, config.jwksMaxAge * 1000), 'update the keys', log, async () => {
          for (const done of await keys.update(clock())) announce(log, 'key.rotated', done)
        }),
      )
    }
    const ready = readiness.prepare(work, log.child({ port: server.port })).then((isReady) => {
      if (readiness.isReady()) begin()
      return isReady
    })
    const end = async () => {
      readiness.stop()
      await server.close(config.shutdownGrace)
      await Promise.all(jobs.map((stop) => stop()))
      await deployment.close()
      await tracing?.close()
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
