import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { InstrumentRequest } from '../authentication/strategies.ts'
import type { Clock, Middleware } from '../context.ts'
import { GatewayError } from '../errors.ts'
import type { EventName, Facts, Listener } from '../events.ts'
import { routeOf } from '../http/request.ts'

/**
 * Gives the metrics of this process, as `read` reads them, to whichever process is asked, and returns how to get those of
 * all processes that serve together.
 */
export type ShareMetrics = (read: () => Promise<object>) => () => Promise<object[]>

/** What is looked at whenever somebody asks for the metrics. */
export type Sources = {
  /** How many passwords are being hashed, and how many wait. */
  hashes: () => { running: number; waiting: number }
  /** The connections of the pool, and who waits for one; undefined where there is no pool. */
  pool: (() => { used: number; idle: number; waiting: number }) | undefined
  /** What the cache of `/webhook` has done; undefined where there is none. */
  accessCache:
    | (() => { hits: number; misses: number; invalidations: number; size: number; isListening: boolean })
    | undefined
  /** Since when the key signs; null when it is the environment's, which does not say. */
  keys: { readonly activeSince: Date | null }
  clock: Clock
  /** Whom a sign-in belongs to that names no provider. */
  passwordProvider: { name: string }
  /** How to get the metrics of all processes that serve together; undefined for one that is alone. */
  share?: ShareMetrics | undefined
}

export type Metrics = ReturnType<typeof createMetrics>

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/**
 * Counts and measures into a registry of its own. Labels are route patterns, statuses, configured providers and names
 * of closed tables, never what a client sent, so their number has a bound.
 */
export function createMetrics(sources: Sources) {
  const { hashes, pool, accessCache, keys, clock, passwordProvider, share } = sources
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const requests = new Histogram({
    name: 'claimgate_http_request_duration_seconds',
    help: 'Time to answer a request, by route pattern; requests without a route have none',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: seconds,
    registers,
  })
  const providers = new Histogram({
    name: 'claimgate_provider_request_duration_seconds',
    help: 'Time of a request to a provider; the outcome is ok or an error code',
    labelNames: ['provider', 'request', 'outcome'] as const,
    buckets: seconds,
    registers,
  })
  const events = new Counter({
    name: 'claimgate_events_total',
    help: 'Security events by name, as in the log',
    labelNames: ['event'] as const,
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
    help: 'Refreshes of a session; the outcome is ok, reuse or an error code',
    labelNames: ['outcome'] as const,
    registers,
  })
  observe(registry, 'claimgate_password_hashes', 'Passwords that are being hashed or wait for it', hashes)
  if (pool)
    observe(registry, 'claimgate_database_connections', 'Connections, and who waits for one', () => pool())
  if (accessCache) observeCache(registry, accessCache)
  new Gauge({
    name: 'claimgate_processes',
    help: 'Processes that are counted here, and serve together',
    registers,
  }).set(1)
  new Gauge({
    name: 'claimgate_signing_key_age_seconds',
    help: 'Time since the key that signs began to; NaN while that is not known',
    registers,
    aggregator: 'max',
    collect() {
      const since = keys.activeSince?.getTime() ?? Number.NaN
      this.set((clock().getTime() - since) / 1000)
    },
  })

  const announced: Listener = (name, facts) => {
    events.inc({ event: name })
    if (name.startsWith('login.'))
      logins.inc({ provider: facts.provider ?? passwordProvider.name, outcome: outcomeOf(name, facts) })
    if (name.startsWith('refresh.')) refreshes.inc({ outcome: outcomeOf(name, facts) })
  }

  const measure: Middleware = async function measure(ctx, next) {
    const started = performance.now()
    await next()
    const route = routeOf(ctx) ?? ''
    requests.observe({ method: ctx.method, route, status: ctx.status }, secondsSince(started))
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
    /** Counts what is announced. */
    announced,
    /** Measures every request that passes. */
    measure,
    /** Measures requests to providers. */
    instrumentRequest,
    /** Everything, of all processes that serve together, in the text format of Prometheus. */
    read: async (): Promise<string> =>
      collect ? AggregatorRegistry.aggregate(await collect()).metrics() : registry.metrics(),
    contentType: registry.contentType,
  }
}

/** A gauge with one series for each member of what `read` answers. */
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
    help: 'What the cache of /webhook did: answers from it, answers from the database, entries that a change made void',
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
    help: 'Sessions that the cache of /webhook remembers',
    registers,
    collect() {
      this.set(read().size)
    },
  })
  new Gauge({
    name: 'claimgate_webhook_cache_listening',
    help: 'Whether changes are told of: 1, or 0 while /webhook asks the database every time',
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
