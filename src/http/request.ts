import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { Context, Middleware } from '../context.ts'
import { GatewayError } from '../errors.ts'
import { clientAddress } from './ip-address.ts'

/** The routes of probes and of Prometheus. */
const probes = ['/healthz', '/readyz', '/metrics']

/** The routes of frequent requests by programs. Their successes are logged at debug. */
const frequent = new Set(['/webhook', '/jwks', '/.well-known/jwks.json', ...probes])

/**
 * Gives each request an id: the caller's `X-Request-Id` if it is valid, else a new one. Finds the client's address.
 * Logs one line per answer: route pattern, status, error code and duration; never a query, body, header or token.
 */
export function logRequest({ log, trustedProxies }: { log: Logger; trustedProxies: number }): Middleware {
  return async function logRequest(ctx, next) {
    const started = performance.now()
    const given = ctx.get('x-request-id')
    ctx.state.requestId = isRequestId(given) ? given : randomUUID()
    ctx.state.log = log.child({ requestId: ctx.state.requestId })
    ctx.state.address = clientAddress(ctx.req, trustedProxies)
    ctx.set('X-Request-Id', ctx.state.requestId)
    try {
      await next()
    } finally {
      const level = frequent.has(ctx.req.url?.split('?')[0] ?? '') && ctx.status < 400 ? 'debug' : 'info'
      const ms = Math.round(performance.now() - started)
      ctx.state.log[level](
        { method: ctx.method, route: routeOf(ctx), status: ctx.status, code: ctx.state.failed, ms },
        'request',
      )
    }
  }
}

/** Returns true for a request of a probe or of Prometheus. */
export function isProbe({ req }: Context): boolean {
  return probes.includes(req.url?.split('?')[0] ?? '')
}

/** Returns true for an `X-Request-Id` of a caller that the gateway takes over. */
export function isRequestId(given: string): boolean {
  return /^[\w.-]{1,64}$/.test(given)
}

/** Returns the pattern of the matched route; null before the router, or without a match. */
export function routeOf(ctx: Context): string | null {
  return ctx._matchedRoute === undefined ? null : String(ctx._matchedRoute)
}

/** Returns true for a browser, which accepts HTML with the highest preference. */
export function prefersHtml(ctx: Context): boolean {
  return ctx.accepts('json', 'html') === 'html'
}

/** Counts the headers of a lower-case name. Of some, such as `Host` and `Authorization`, Node keeps only the first. */
export function countHeader({ req: { rawHeaders } }: Context, name: string): number {
  let found = 0
  // It alternates names and values.
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const each = rawHeaders[at] as string
    if (each.length === name.length && each.toLowerCase() === name) found++
  }
  return found
}

/**
 * Returns a header of a lower-case name; undefined without it. Throws `invalid_token` when it comes twice, because
 * another program on the way may read the other value.
 */
export function readHeader(ctx: Context, name: string): string | undefined {
  if (ctx.req.headers[name] === undefined) return undefined
  if (countHeader(ctx, name) > 1) throw repeatedHeader(name)
  return ctx.get(name)
}

/** Returns the error for a header that comes twice. */
export function repeatedHeader(name: string): GatewayError {
  return new GatewayError('invalid_token', { detail: `The header ${name} comes twice. Send it once.` })
}
