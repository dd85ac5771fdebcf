import { randomUUID } from 'node:crypto'
import { availableParallelism } from 'node:os'
import type { Logger } from 'pino'
import { createBreachCheck } from './authentication/breached-passwords.ts'
import { createPasswordHashes, type PasswordHashes } from './authentication/password-hash.ts'
import { loadPasswordPolicy, type RequirePassword } from './authentication/password-policy.ts'
import type { Provider } from './authentication/provider.ts'
import { passwordProvider } from './authentication/strategies.ts'
import type { Config } from './config/config.ts'
import type { Clock } from './context.ts'
import { type Database, watchQueries } from './database/database.ts'
import type { Announcer } from './events.ts'
import { createMemoryLimiter, createServerLimiters } from './limits/counters.ts'
import { createLimits, type Limits } from './limits/limits.ts'
import { createAnnouncer } from './observability/announce.ts'
import type { Metrics, ShareMetrics } from './observability/metrics.ts'
import type { Tracing } from './observability/tracing.ts'
import { type AccessCache, createAccessCache, watchAccess } from './sessions/access-cache.ts'
import { createIdentities, type Identities } from './stores/identities.ts'
import { createOneTime, type OneTime } from './stores/one-time.ts'
import { createPageSessions, type PageSessions } from './stores/page-sessions.ts'
import { createSessions, type Sessions } from './stores/sessions.ts'
import { createUsers, type Users } from './stores/users.ts'
import type { Keyring, SigningKeys } from './tokens/keyring.ts'
import type { SecretKeys, SecretLabel } from './tokens/secrets.ts'

/** Everything that the gateway is made of; whoever makes it decides about database, clock, network and randomness. */
export type Deps = {
  config: Config
  providers: readonly Provider[]
  keys: SigningKeys
  /** Derived from AUTH_SECRET and, while it is being changed, from the one before. */
  secrets: { cookie: SecretKeys; refreshToken: SecretKeys; page: SecretKeys; form: SecretKeys }
  users: Users
  identities: Identities
  sessions: Sessions
  /** What `/webhook` reads sessions from; null when it is to ask the database every time. */
  accessCache: Pick<AccessCache, 'read'> | null
  pageSessions: PageSessions
  oneTime: OneTime
  hashes: PasswordHashes
  requirePassword: RequirePassword
  /** Against guessing and flooding; null when a load test switched them off. */
  limits: Limits | null
  isReady: () => Promise<boolean>
  log: Logger
  announce: Announcer
  /** Null unless the configuration asks for them. */
  metrics: Metrics | null
  tracing: Tracing | null
  clock: Clock
  createId: () => string
  fetch: typeof globalThis.fetch
}

/** What is decided outside, and what everything else is made on. */
export type Foundation = Pick<Deps, 'config' | 'providers' | 'log' | 'clock' | 'fetch'> & {
  /** How the metrics of all processes that serve together are put into one; undefined for one that is alone. */
  shareMetrics?: ShareMetrics | undefined
  deployment: {
    database: Database
    derive(label: SecretLabel): SecretKeys
    /** Whether the database is up to date. Throws when it cannot be asked. */
    isMigrated(): Promise<boolean>
  }
  keys: Keyring
  readiness: {
    /** Throws `database_unavailable` until the database is there. */
    admit(): void
    /** Whether the database is there, and nobody has begun to stop. */
    isReady(): boolean
  }
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
