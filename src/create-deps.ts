import { randomUUID } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { createBreachCheck } from './authentication/breached-passwords.ts'
import { createPasswordHashes } from './authentication/password-hash.ts'
import { loadPasswordPolicy } from './authentication/password-policy.ts'
import { passwordProvider } from './authentication/strategies.ts'
import { watchQueries } from './database/database.ts'
import type { Deps } from './deps.ts'
import { createMemoryLimiter, createServerLimiters } from './limits/counters.ts'
import { createLimits } from './limits/limits.ts'
import { createAnnouncer } from './observability/announce.ts'
import type { ShareMetrics } from './observability/metrics.ts'
import type { Deployment } from './process/deployment.ts'
import type { Readiness } from './process/readiness.ts'
import { createAccessCache, watchAccess } from './sessions/access-cache.ts'
import { createIdentities } from './stores/identities.ts'
import { createOneTime } from './stores/one-time.ts'
import { createPageSessions } from './stores/page-sessions.ts'
import { createSessions } from './stores/sessions.ts'
import { createUsers } from './stores/users.ts'
import type { Keyring } from './tokens/signing-keys.ts'

/** What is decided outside, and what everything else is made on. */
export type Foundation = Pick<Deps, 'config' | 'providers' | 'pages' | 'log' | 'clock' | 'fetch'> & {
  /** How the metrics of all processes that serve together are put into one; undefined for one that is alone. */
  shareMetrics?: ShareMetrics | undefined
  deployment: Deployment
  keys: Keyring
  readiness: Readiness
}

/** Makes everything that an application is made of, on one database. */
export async function createDeps({
  shareMetrics,
  deployment,
  readiness,
  ...given
}: Foundation): Promise<Deps> {
  const { config, log, keys, clock, fetch } = given
  const { database, derive } = deployment
  // What watches is loaded only where it is asked for.
  const tracing = config.tracesEndpoint
    ? (await import('./observability/tracing.ts')).createTracing(config.tracesEndpoint, log)
    : null
  const hashes = createPasswordHashes({
    ...config,
    concurrency: shareOfCores(availableParallelism(), config.workers),
    queue: config.hashQueue,
    wait: config.hashWait,
  })
  const admitted = database.behind(readiness.admit)
  const queries = tracing ? watchQueries(admitted, tracing.aroundStatement) : admitted
  const sessions = createSessions(queries, config.sessionLifetimes)
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
        passwordProvider: passwordProvider(given.providers).name,
        share: shareMetrics,
      })
    : null
  return {
    ...given,
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
    oneTime: createOneTime(queries),
    hashes,
    requirePassword: await loadPasswordPolicy({
      ...config,
      isBreached: createBreachCheck(config, fetch, log),
    }),
    limits: config.rateLimit
      ? createLimits(
          config.databaseUrl === undefined
            ? createMemoryLimiter
            : createServerLimiters(queries, config.databaseTimeout),
          config.limits,
          derive('rate-limit')[0],
        )
      : null,
    isReady: async () => readiness.isReady() && (await deployment.isMigrated()),
    announce: createAnnouncer(metrics?.announced),
    metrics,
    tracing,
    createId: randomUUID,
  }
}

/** How many of the machine's cores one of several workers may keep busy: no more than there are together, at least one. */
export function shareOfCores(cores: number, workers: number): number {
  return Math.max(1, Math.floor(cores / workers))
}
