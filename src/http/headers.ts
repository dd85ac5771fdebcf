import type { Middleware } from '../context.ts'

/** Headers that every answer has, whatever becomes of the request. `secure` adds Strict-Transport-Security. */
export function createHeaders(secure: boolean): Middleware {
  const headers = {
    'Cache-Control': 'no-store',
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    ...(secure && { 'Strict-Transport-Security': 'max-age=31536000' }),
  }
  return async function securityHeaders(ctx, next) {
    ctx.set(headers)
    await next()
  }
}
