import { createHash } from 'node:crypto'
import type { Context } from '../context.ts'

export type CookieSettings = {
  /** The cookie follows this URL. Headers of a request never decide it. */
  publicUrl: string
  sameSite: 'lax' | 'strict'
}

export type Cookie = ReturnType<typeof createCookie>

/**
 * Creates a cookie with HttpOnly. Over HTTPS it is Secure and has the prefix `__Host-` (RFC 6265bis, section 4.1.3.2),
 * so that no other host can set it; the prefix requires the path `/`.
 *
 * Browsers send a cookie to every port of a host, and to every path below its own. At another port than the default one,
 * or at a path, the name therefore ends in a hash of both: several gateways of one host have cookies of their own.
 */
export function createCookie(name: string, { publicUrl, sameSite }: CookieSettings) {
  const { protocol, port, pathname } = new URL(publicUrl)
  const secure = protocol === 'https:'
  const path = secure ? '/' : pathname.replace(/(?<=.)\/$/, '')
  const isPlain = port === '' && pathname === '/'
  const fullName = `${secure ? '__Host-' : ''}${name}${isPlain ? '' : `-${hash(port + pathname)}`}`
  const write = (ctx: Context, value: string | null, seconds: number): void => {
    // Behind a proxy that terminates TLS, the library would reject a secure cookie on the plain socket.
    ctx.cookies.secure = secure
    const options = { httpOnly: true, sameSite, path, secure, overwrite: true, maxAge: seconds * 1000 }
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

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8)
}
