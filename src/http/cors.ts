import type { Middleware } from '../context.ts'

/**
 * Allows pages of exactly these origins to call the gateway with `fetch`, with the gateway's cookies. Answers preflight
 * requests, and announces a preflight request of another origin. Other requests with an `Origin` are not announced:
 * Hasura forwards that header of its clients to the webhook.
 */
export function cors({ origins }: { origins: readonly string[] }): Middleware {
  const allowed = new Set(origins)
  return async function cors(ctx, next) {
    ctx.res.setHeader('Vary', 'Origin')
    const origin = ctx.get('origin')
    const isPreflight = ctx.method === 'OPTIONS' && ctx.get('access-control-request-method') !== ''
    if (allowed.has(origin)) {
      ctx.set('Access-Control-Allow-Origin', origin)
      ctx.set('Access-Control-Allow-Credentials', 'true')
      ctx.set('Access-Control-Expose-Headers', 'Link, Retry-After, X-Request-Id')
      if (isPreflight) {
        ctx.set({
          'Access-Control-Allow-Methods': 'GET, POST, DELETE',
          'Access-Control-Allow-Headers': 'Authorization, Content-Type, X-Request-Id',
          'Access-Control-Max-Age': '600',
        })
        ctx.status = 204
        return
      }
    } else if (isPreflight && origin !== '') {
      ctx.state.announce('origin.refused', { code: 'origin_not_allowed' })
    }
    await next()
  }
}
