import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { InstrumentRequest } from '../authentication/strategies.ts'
import type { Clock, Middleware } from '../context.ts'
import type { Version } from '../database/version.ts'
import { GatewayError } from '../errors.ts'
import type { EventName, Facts, Listener } from '../events.ts'
import { routeOf } from '../http/request.ts'
import { codesOfEvent, eventCodes } from './event-codes.ts'

/**
 * Shares the metrics of this process, which `read` returns, with the other workers. Returns the function that collects
 * the metrics of all workers.
 */
export type ShareMetrics = (read: () => Promise<object>) => () => Promise<object[]>

/** The sources that are read for every metrics request. */
export type Sources = {
  /** Counts of passwords that are being hashed, and that wait. */
  hashes: () => { running: number; waiting: number }
  /** Counts of pool connections and of callers that wait for one; undefined without a pool. */
  pool: (() => { used: number; idle: number; waiting: number }) | undefined
  /** Counts of the `/webhook` cache; undefined without a cache. */
  accessCache:
    | (() => { hits: number; misses: number; invalidations: number; size: number; isListening: boolean })
    | undefined
  version: Version
  /** The time since which the active key signs; null for the key of the environment, whose age is unknown. */
  keys: { readonly activeSince: Date | null }
  clock: Clock
  /** Seconds by which the process's clock is ahead of the database's. */
  skew: () => number
  /** The provider of sign-ins without a named provider. */
  passwordProvider: { name: string }
  redirectProviders: readonly { name: string }[]
  /** Reads the metrics of all workers; undefined for a single process. */
  share?: ShareMetrics | undefined
}

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/**
 * Creates the metrics in a separate registry. Labels are route patterns, statuses, configured providers and names of
 * closed tables. Client input is never a label, so the number of series is bounded.
 */
export function createMetrics(sources: Sources) {
  const {
    hashes,
    pool,
    accessCache,
    version,
    keys,
    clock,
    skew,
    passwordProvider,
    redirectProviders,
    share,
  } = sources
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const requests = new Histogram({
    name: 'claimgate_http_request_duration_seconds',
    help: 'Time to answer a request in seconds, by route pattern; empty for requests without a route',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: seconds,
    registers,
  })
  const providers = new Histogram({
    name: 'claimgate_provider_request_duration_seconds',
    help: 'Time of a request to a provider in seconds; the outcome is ok or an error code',
    labelNames: ['provider', 'request', 'outcome'] as const,
    buckets: seconds,
    registers,
  })
  const events = new Counter({
    name: 'claimgate_events_total',
    help: 'Security events by name and error code, as in the log; the code is empty for events without an error',
    labelNames: ['event', 'code'] as const,
    registers,
  })
  const logins = new Counter({
    name: 'claimgate_logins_total',
    help: 'Sign-ins; the outcome is ok, limited or an error code',
    labelNames: ['provider', 'outcome'] as const,
    registers,
  })
  const refreshes = new Counter({
    name: 'claimgate_refreshes_total',
    help: 'Refreshes of a session; the outcome is ok, late, reuse or an error code',
    labelNames: ['outcome'] as const,
    registers,
  })
  observe(registry, 'claimgate_password_hashes', 'Password hashes that run or wait', hashes)
  if (pool)
    observe(registry, 'claimgate_database_connections', 'Pool connections, and callers that wait', () =>
      pool(),
    )
  if (accessCache) observeCache(registry, accessCache)
  new Gauge({
    name: 'claimgate_build_info',
    help: 'Always 1; the labels have the version of the program and its last migration',
    labelNames: ['version', 'schema'] as const,
    registers,
    aggregator: 'first',
  }).set(version, 1)
  new Gauge({
    name: 'claimgate_processes',
    help: 'Processes of this gateway that these metrics count',
    registers,
  }).set(1)
  new Gauge({
    name: 'claimgate_signing_key_age_seconds',
    help: 'Seconds since the active key began to sign; NaN when unknown',
    registers,
    aggregator: 'max',
    collect() {
      const since = keys.activeSince?.getTime() ?? Number.NaN
      this.set((clock().getTime() - since) / 1000)
    },
  })
  new Gauge({
    name: 'claimgate_clock_skew_seconds',
    help: "Seconds by which the clock of this machine is ahead of the database's; negative when it is behind",
    registers,
    aggregator: 'average',
    collect() {
      this.set(skew())
    },
  })

  // A series that begins with 1 would hide its first event from increase() and rate().
  for (const labels of eventCodes) events.inc(labels, 0)
  for (const { name: provider } of [passwordProvider, ...redirectProviders])
    for (const outcome of ['ok', 'limited', ...codesOfEvent('login.failed')])
      logins.inc({ provider, outcome }, 0)
  for (const outcome of ['ok', 'late', 'reuse', ...codesOfEvent('refresh.failed')])
    refreshes.inc({ outcome }, 0)

  const announced: Listener = (name, facts) => {
    events.inc({ event: name, code: facts.code ?? '' })
    if (name.startsWith('login.'))
      logins.inc({ provider: facts.provider ?? passwordProvider.name, outcome: outcomeOf(name, facts) })
    if (name.startsWith('refresh.')) refreshes.inc({ outcome: outcomeOf(name, facts) })
  }

  const observeRequest = (labels: { method: string; route: string; status: number }, started: number) =>
    requests.observe(labels, secondsSince(started))

  const measure: Middleware = async function measure(ctx, next) {
    const started = performance.now()
    await next()
    observeRequest({ method: ctx.method, route: routeOf(ctx) ?? '', status: ctx.status }, started)
  }

  const instrumentRequest: InstrumentRequest = async (provider, request, work) => {
    const started = performance.now()
    const done = (outcome: string) => providers.observe({ provider, request, outcome }, secondsSince(started))
    try {
      const answer = await work()
      done('ok')
      return answer
    } catch (error) {
      done(error instanceof GatewayError ? error.code : 'server_error')
      throw error
    }
  }

  const collect = share?.(() => registry.getMetricsAsJSON())

  return {
    /** Counts announced events. */
    announced,
    /** Measures every request. */
    measure,
    /** Observes an answered request that began at `started`, by `performance.now()`. */
    observeRequest,
    /** Measures requests to providers. */
    instrumentRequest,
    /** Everything, of all processes that serve together, in the text format of Prometheus. */
    read: async (): Promise<string> =>
      collect ? AggregatorRegistry.aggregate(await collect()).metrics() : registry.metrics(),
    contentType: registry.contentType,
  }
}

/** Registers a gauge with one series for each member of the object that `read` returns. */
function observe(
  registry: Registry,
  name: string,
  help: string,
  read: () => Readonly<Record<string, number>>,
): void {
  new Gauge({
    name,
    help,
    labelNames: ['state'] as const,
    registers: [registry],
    collect() {
      for (const [state, value] of Object.entries(read())) this.set({ state }, value)
    },
  })
}

function observeCache(registry: Registry, read: NonNullable<Sources['accessCache']>): void {
  const registers = [registry]
  new Counter({
    name: 'claimgate_webhook_cache_total',
    help: 'Answers of /webhook from the cache (hit) and from the database (miss), and entries that a change invalidated',
    labelNames: ['event'] as const,
    registers,
    collect() {
      const { hits, misses, invalidations } = read()
      this.reset()
      this.inc({ event: 'hit' }, hits)
      this.inc({ event: 'miss' }, misses)
      this.inc({ event: 'invalidation' }, invalidations)
    },
  })
  new Gauge({
    name: 'claimgate_webhook_cache_entries',
    help: 'Sessions in the cache of /webhook',
    registers,
    collect() {
      this.set(read().size)
    },
  })
  new Gauge({
    name: 'claimgate_webhook_cache_listening',
    help: '1 while change notifications arrive; 0 while /webhook reads the database on every request',
    registers,
    aggregator: 'min',
    collect() {
      this.set(Number(read().isListening))
    },
  })
}

function outcomeOf(name: EventName, { code }: Facts): string {
  const [, ending = name] = name.split('.')
  return ending === 'failed' ? (code ?? ending) : ending
}

function secondsSince(started: number): number {
  return (performance.now() - started) / 1000
}
