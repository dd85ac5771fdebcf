import type { Middleware } from '../context.ts'

/** Returns true for the origin of a web page. Other pages are those of apps in a web view, and of extensions. */
export function isWebOrigin(origin: string): boolean {
  return /^https?:/i.test(origin)
}

/**
 * Creates a check that returns true for an origin of the list. Browsers differ in the case of the id of an extension, so
 * the case of an origin outside the web does not count.
 */
export function createOriginCheck(origins: readonly string[]): (origin: string) => boolean {
  const keyOf = (origin: string) => (isWebOrigin(origin) ? origin : origin.toLowerCase())
  const allowed = new Set(origins.map(keyOf))
  return (origin) => allowed.has(keyOf(origin))
}

// The headers that a script may set: ours, those of the Fetch standard with any value, and those of W3C Trace Context and
// Baggage, which tracing libraries add.
const allowedHeaders = [
  'Authorization',
  'Content-Type',
  'X-Request-Id',
  'Accept',
  'Accept-Language',
  'Content-Language',
  'Traceparent',
  'Tracestate',
  'Baggage',
].join(', ')

/**
 * Allows pages of exactly these origins to call the gateway with `fetch`, with the gateway's cookies. Answers preflight
 * requests, and announces a preflight request of another origin. Other requests with an `Origin` are not announced:
 * Hasura forwards that header of its clients to the webhook.
 */
export function cors({ origins }: { origins: readonly string[] }): Middleware {
  const isAllowed = createOriginCheck(origins)
  return async function cors(ctx, next) {
    ctx.res.setHeader('Vary', 'Origin')
    const origin = ctx.get('origin')
    const isPreflight = ctx.method === 'OPTIONS' && ctx.get('access-control-request-method') !== ''
    if (isAllowed(origin)) {
      ctx.set('Access-Control-Allow-Origin', origin)
      ctx.set('Access-Control-Allow-Credentials', 'true')
      ctx.set('Access-Control-Expose-Headers', 'Link, Retry-After, X-Request-Id')
      if (isPreflight) {
        ctx.set({
          'Access-Control-Allow-Methods': 'GET, POST, DELETE',
          'Access-Control-Allow-Headers': allowedHeaders,
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
