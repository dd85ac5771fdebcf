import type { Context } from '../context.ts'

export type CookieSettings = {
  /** True when the public URL is HTTPS. Headers of a request never decide it. */
  secure: boolean
  sameSite: 'lax' | 'strict'
}

export type Cookie = ReturnType<typeof createCookie>

/**
 * Creates a cookie with HttpOnly and the path `/`. Over HTTPS it is Secure and has the prefix `__Host-`
 * (RFC 6265bis, section 4.1.3.2), so that no other host can set it.
 */
export function createCookie(name: string, { secure, sameSite }: CookieSettings) {
  const fullName = secure ? `__Host-${name}` : name
  const write = (ctx: Context, value: string | null, seconds: number): void => {
    // Behind a proxy that terminates TLS, the library would reject a secure cookie on the plain socket.
    ctx.cookies.secure = secure
    const options = { httpOnly: true, sameSite, path: '/', secure, overwrite: true, maxAge: seconds * 1000 }
    ctx.cookies.set(fullName, value, options)
  }
  return {
    /** The name in the browser. */
    name: fullName,
    read: (ctx: Context): string | undefined => ctx.cookies.get(fullName),
    /** Sets the cookie for a number of seconds. */
    write: (ctx: Context, value: string, seconds: number): void => write(ctx, value, seconds),
    clear: (ctx: Context): void => write(ctx, null, 0),
  }
}
