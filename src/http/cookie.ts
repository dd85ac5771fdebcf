import type { Context } from '../context.ts'

export type CookieSettings = {
  /** Whether the gateway is reached over HTTPS: by configuration, never by what a request says. */
  secure: boolean
  sameSite: 'lax' | 'strict'
}

export type Cookie = ReturnType<typeof createCookie>

/**
 * A cookie that no script can read and no other host can set: HttpOnly, for all paths, and behind TLS Secure with the
 * prefix `__Host-` (RFC 6265bis, section 4.1.3.2).
 */
export function createCookie(name: string, { secure, sameSite }: CookieSettings) {
  const fullName = secure ? `__Host-${name}` : name
  const write = (ctx: Context, value: string | null, seconds: number): void => {
    // Behind a proxy that ends TLS the socket does not look secure, and the cookie would be refused.
    ctx.cookies.secure = secure
    const options = { httpOnly: true, sameSite, path: '/', secure, overwrite: true, maxAge: seconds * 1000 }
    ctx.cookies.set(fullName, value, options)
  }
  return {
    /** As browsers know it. */
    name: fullName,
    read: (ctx: Context): string | undefined => ctx.cookies.get(fullName),
    /** Keeps `value` for so many seconds. */
    write: (ctx: Context, value: string, seconds: number): void => write(ctx, value, seconds),
    clear: (ctx: Context): void => write(ctx, null, 0),
  }
}
