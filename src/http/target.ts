import { type Context, type Middleware, withContract } from '../context.ts'
import { GatewayError } from '../errors.ts'
import { countHeader } from './request.ts'

/**
 * Throws `malformed_request` and closes the connection for a target that is not a URL, a missing `Host` header in
 * HTTP/1.1, and two `Host` headers (RFC 9112, section 3.2).
 */
export function targetCheck(): Middleware {
  return withContract({ errors: ['malformed_request'] }, async function targetCheck(ctx, next) {
    const detail = findFault(ctx)
    if (detail !== null)
      throw new GatewayError('malformed_request', { detail, headers: { Connection: 'close' } })
    await next()
  })
}

function findFault(ctx: Context): string | null {
  const { headers, httpVersion } = ctx.req
  if (!canParse(ctx)) return 'The target is no URL'
  if (headers.host === undefined && httpVersion === '1.1') return 'The header Host is missing'
  return countHeader(ctx, 'host') > 1 ? 'The header Host comes twice' : null
}

function canParse(ctx: Context): boolean {
  try {
    return typeof ctx.path === 'string'
  } catch {
    return false
  }
}
