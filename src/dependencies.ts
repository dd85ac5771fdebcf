import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { createAuthenticate } from './authentication/authenticate.ts'
import { createBreachCheck } from './authentication/breached-passwords.ts'
import type { HashThreads } from './authentication/hash-threads.ts'
import { findPasswordProvider } from './authentication/load-providers.ts'
import { createPasswordHashes } from './authentication/password-hash.ts'
import { loadPasswordPolicy } from './authentication/password-policy.ts'
import type { Provider } from './authentication/provider.ts'
import { createStateCookie } from './authentication/state-cookie.ts'
import { composeInstrumentation, configuredProviders, createStrategies } from './authentication/strategies.ts'
import { createVerifyPassword } from './authentication/verify-password.ts'
import { createVerifyProfile } from './authentication/verify-profile.ts'
import type { Config } from './config/config.ts'
import type { Clock } from './context.ts'
import { type Database, watchQueries } from './database/database.ts'
import type { Version } from './database/version.ts'
import { createCounters, createMemoryCounters } from './limits/counters.ts'
import { createDeviceCookie } from './limits/device-cookie.ts'
import { createLimits } from './limits/limits.ts'
import { createAnnouncer } from './observability/announce.ts'
import type { ShareMetrics } from './observability/metrics.ts'
import { createAccessCache, watchAccess } from './sessions/access-cache.ts'
import { createOpenSession, createWebhookReads } from './sessions/open-session.ts'
import { createRowTurns, takeTurns } from './sessions/row-turns.ts'
import { createIdentities } from './stores/identities.ts'
import { createOneTimeCodes } from './stores/one-time-codes.ts'
import { createPageSessions } from './stores/page-sessions.ts'
import { createProviderRoles } from './stores/provider-roles.ts'
import { createSessionList } from './stores/session-list.ts'
import { createSessions, lockingMethods } from './stores/sessions.ts'
import { createSweep } from './stores/sweep.ts'
import { createUsers } from './stores/users.ts'
import { createAccessTokens } from './tokens/access-token.ts'
import type { Keyring } from './tokens/keyring.ts'
import { createRefreshTokens } from './tokens/refresh-token.ts'
import type { SecretKeys, SecretLabel } from './tokens/secrets.ts'

/** The objects of the process from which the dependencies are created: see `Deployment` and `Readiness`. */
export type Foundation = {
  config: Config
  providers: readonly Provider[]
  log: Logger
  clock: Clock
  fetch: typeof globalThis.fetch
  hashThreads: HashThreads
  keys: Keyring
  deployment: {
    database: Database
    databaseClock: { skew(): number }
    derive(label: SecretLabel): SecretKeys
    isMigrated(): Promise<boolean>
  }
  readiness: { admit(): void; isReady(): boolean }
  /** Logs an outage of the database once. */
  outage: { failed(error: unknown): void }
  version: Version
  /** Adds up the metrics of all workers; undefined for a single process. */
  shareMetrics?: ShareMetrics | undefined
}

/** Every object that the steps of the application use. */
export type Dependencies = Awaited<ReturnType<typeof createDependencies>>

/** Creates the dependencies of an application on one database. */
export async function createDependencies(foundation: Foundation) {
  const { deployment, readiness, outage, version, hashThreads, shareMetrics: share, ...given } = foundation
  const { config, providers, keys, log, clock, fetch } = given
  const { database, derive } = deployment

  // OpenTelemetry and Prometheus are loaded only when the configuration asks for them.
  const tracing = config.tracesEndpoint
    ? (await import('./observability/tracing.ts')).createTracing(config.tracesEndpoint, config, log)
    : null
  const admitted = database.behind(readiness.admit, outage.failed)
  const queries = tracing ? watchQueries(admitted, tracing.instrumentStatement) : admitted
  const hashes = createPasswordHashes({ ...config, threads: hashThreads })
  const { sessionLifetimes, sessionsPerUser } = config
  // The statements that lock a row.
  const inTurn = createRowTurns(config.databaseTimeout)
  const users = takeTurns(createUsers(queries), ['replaceHash'], inTurn)
  const sessions = takeTurns(
    createSessions(queries, sessionLifetimes, sessionsPerUser),
    lockingMethods,
    inTurn,
  )
  const pageSessions = takeTurns(
    createPageSessions(queries, sessionLifetimes, sessionsPerUser),
    ['beginSecond', 'extend', 'revokeOthers'],
    inTurn,
  )
  const oneTimeCodes = createOneTimeCodes(queries)
  const watch = (changed: (userId: string | null) => void) => watchAccess(database, log, changed)
  const accessCache =
    config.webhookCache > 0 ? createAccessCache(sessions.read, watch, config.webhookCache) : null
  const passwordProvider = findPasswordProvider(providers)
  const load = { hashes: hashes.load, pool: database.pool, accessCache: accessCache?.load }
  const redirectProviders = configuredProviders(providers, config.providers)
  const { skew } = deployment.databaseClock
  const sources = { ...load, version, keys, clock, skew, passwordProvider, redirectProviders, share }
  const metrics = config.metrics ? (await import('./observability/metrics.ts')).createMetrics(sources) : null
  const counters = { shared: createCounters(queries, config), ofProcess: createMemoryCounters() }
  const refreshTokens = createRefreshTokens(derive('refresh-token'))
  const stateCookie = createStateCookie({ config, keys: derive('cookie'), oneTimeCodes, clock })
  const { strategies, ...parties } = await createStrategies(providers, {
    ...config,
    transport: { timeout: config.providerTimeout, fetch },
    instrumentRequest: composeInstrumentation(metrics?.instrumentRequest, tracing?.instrumentRequest),
    verifyPassword: createVerifyPassword({ provider: passwordProvider.name, users, hashes }),
    verifyProfile: createVerifyProfile,
    stateCookie,
    clock,
    log,
  })

  return {
    ...given,
    tracing,
    metrics,
    announce: createAnnouncer(metrics?.announced),
    isReady: async () => readiness.isReady() && (await deployment.isMigrated()),
    createId: randomUUID,
    users,
    identities: createIdentities(queries),
    providerRoles: takeTurns(createProviderRoles(queries), ['set'], inTurn),
    sessions,
    sessionList: createSessionList(queries),
    pageSessions,
    oneTimeCodes,
    sweep: createSweep(queries),
    /** Answers the reads of `/webhook` from memory; null when the cache is switched off. */
    accessCache,
    webhookReads: createWebhookReads({ sessions: accessCache ?? sessions, clock }),
    hashes,
    requirePassword: await loadPasswordPolicy({
      ...config,
      isBreached: createBreachCheck(config, fetch, log),
    }),
    /** Null when the limits are switched off. */
    limits: config.rateLimit ? createLimits(counters, config.limits, derive('rate-limit')[0]) : null,
    /** Null when the limits are switched off. */
    devices: config.rateLimit ? createDeviceCookie({ ...config, key: derive('device')[0], clock }) : null,
    accessTokens: createAccessTokens(keys, config),
    refreshTokens,
    openSession: createOpenSession({ config, sessions, pageSessions, refreshTokens, clock }),
    stateCookie,
    passwordProvider,
    redirectProviders,
    ...parties,
    authenticate: createAuthenticate(strategies),
    /** The keys of the cookies and forms of the pages. */
    pageKeys: { session: derive('page'), form: derive('form') },
  }
}
