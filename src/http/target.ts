import { type Context, type Middleware, withContract } from '../context.ts'
import { GatewayError } from '../errors.ts'

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
  const { headers, httpVersion, rawHeaders } = ctx.req
  if (!canParse(ctx)) return 'The target is no URL'
  if (headers.host === undefined && httpVersion === '1.1') return 'The header Host is missing'
  return countHosts(rawHeaders) > 1 ? 'The header Host comes twice' : null
}

/** Counts the `Host` headers, of which Node keeps only the first. `rawHeaders` alternates names and values. */
function countHosts(rawHeaders: readonly string[]): number {
  let hosts = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++
  }
  return hosts
}

function canParse(ctx: Context): boolean {
  try {
    return typeof ctx.path === 'string'
  } catch {
    return false
  }
}
