import type { Middleware } from '../context.ts'

/** Returns the headers of every answer, also of errors. Over HTTPS they include Strict-Transport-Security. */
export function securityHeaders(publicUrl: string): Readonly<Record<string, string>> {
  return {
    'Cache-Control': 'no-store',
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    ...(publicUrl.startsWith('https:') && { 'Strict-Transport-Security': 'max-age=31536000' }),
  }
}

/** Sets headers on every answer. */
export function setHeaders({ headers }: { headers: Readonly<Record<string, string>> }): Middleware {
  const entries = Object.entries(headers)
  return async function setHeaders(ctx, next) {
    for (const [name, value] of entries) ctx.res.setHeader(name, value)
    await next()
  }
}
