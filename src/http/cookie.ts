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
export function createCookie(name: string, settings: CookieSettings) {
  const { fullName, write } = createWriter(name, settings)
  return {
    /** The name in the browser. */
    name: fullName,
    read: (ctx: Context): string | undefined => ctx.cookies.get(fullName),
    /** Sets the cookie for a number of seconds. */
    write: (ctx: Context, value: string, seconds: number): void => write(ctx, fullName, value, seconds),
    clear: (ctx: Context): void => write(ctx, fullName, null, 0),
  }
}

/** Creates cookies like `createCookie`, of which a browser has several: each for a text, by a hash in its name. */
export function createCookies(name: string, settings: CookieSettings) {
  const { fullName, write } = createWriter(name, settings)
  const nameOf = (text: string): string => `${fullName}-${hash(text, 16)}`
  const pattern = new RegExp(`^${fullName}-[0-9a-f]{16}$`)
  const pairs = (ctx: Context): [name: string, value: string][] =>
    // Not ctx.cookies.get, which keeps a regular expression for every name for ever.
    ctx
      .get('cookie')
      .split(';')
      .map((pair) => /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(pair) ?? [])
      .flatMap(([, name = '', value = '']) => (pattern.test(name) ? [[name, value] as [string, string]] : []))
  return {
    /** The names in the browser, for documentation. */
    name: `${fullName}-{hash}`,
    read: (ctx: Context, text: string): string | undefined =>
      pairs(ctx).find(([name]) => name === nameOf(text))?.[1],
    /**
     * Sets the cookie of a text for a number of seconds. Clears the oldest other cookies beyond `most` cookies or
     * `characters` characters in all.
     */
    write: (
      ctx: Context,
      text: string,
      value: string,
      { seconds, most, characters }: { seconds: number; most: number; characters: number },
    ): void => {
      let room = characters - value.length
      // Browsers send the older cookies first (RFC 6265, section 5.4).
      const others = pairs(ctx).reverse()
      for (const [at, [name, { length }]] of others.entries()) {
        room -= length
        if (at >= most - 1 || room < 0) write(ctx, name, null, 0)
      }
      write(ctx, nameOf(text), value, seconds)
    },
    clear: (ctx: Context, text: string): void => write(ctx, nameOf(text), null, 0),
  }
}

function createWriter(name: string, { publicUrl, sameSite }: CookieSettings) {
  const { protocol, port, pathname } = new URL(publicUrl)
  const secure = protocol === 'https:'
  const path = secure ? '/' : pathname.replace(/(?<=.)\/$/, '')
  const isPlain = port === '' && pathname === '/'
  return {
    fullName: `${secure ? '__Host-' : ''}${name}${isPlain ? '' : `-${hash(port + pathname, 8)}`}`,
    write(ctx: Context, fullName: string, value: string | null, seconds: number): void {
      // Behind a proxy that terminates TLS, the library would reject a secure cookie on the plain socket.
      ctx.cookies.secure = secure
      const options = { httpOnly: true, sameSite, path, secure, overwrite: true, maxAge: seconds * 1000 }
      ctx.cookies.set(fullName, value, options)
    },
  }
}

function hash(text: string, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits)
}
