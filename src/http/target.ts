import type { Context, Middleware } from '../context.ts'
import { withContract } from '../contract.ts'
import { GatewayError } from '../errors.ts'

/**
 * Refuses a request whose target is no URL, and one of HTTP/1.1 that names no host (RFC 9112, section 3.2). Throws
 * `malformed_request`.
 */
export function createTargetCheck(): Middleware {
  return withContract({ errors: ['malformed_request'] }, async function targetCheck(ctx, next) {
    const { headers, httpVersion } = ctx.req
    if (!canParse(ctx)) throw new GatewayError('malformed_request', { detail: 'The target is no URL' })
    if (headers.host === undefined && httpVersion === '1.1') {
      throw new GatewayError('malformed_request', { detail: 'The header Host is missing' })
    }
    await next()
  })
}

function canParse(ctx: Context): boolean {
  try {
    return typeof ctx.path === 'string'
  } catch {
    return false
  }
}
