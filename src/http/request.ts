import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { Context, Middleware } from '../context.ts'
import { clientAddress } from './ip-address.ts'

/** Routes that programs ask all day long; their successes are logged at debug. */
const frequent = new Set(['/webhook', '/jwks', '/.well-known/jwks.json', '/healthz', '/readyz', '/metrics'])

/**
 * Names each request (`X-Request-Id`, the caller's own if it is sane), finds the client's address, and logs one line
 * when it is answered: route pattern, status, error code and duration; never a query, body, header or token.
 */
export function logRequest({ log, trustedProxies }: { log: Logger; trustedProxies: number }): Middleware {
  return async function logRequest(ctx, next) {
    const started = performance.now()
    const given = ctx.get('x-request-id')
    ctx.state.requestId = /^[\w.-]{1,64}$/.test(given) ? given : randomUUID()
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

/** The pattern of the route that took the request, once the router has seen it; null when there is none. */
export function routeOf(ctx: Context): string | null {
  return ctx._matchedRoute === undefined ? null : String(ctx._matchedRoute)
}

/** Whether a person's browser asks, and not a program: browsers say that they want HTML more than anything else. */
export function prefersHtml(ctx: Context): boolean {
  return ctx.accepts('json', 'html') === 'html'
}
