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

type Limits = {
  now: Date
  /** The lifetime of the cookie. */
  seconds: number
  /** The maximum number of cookies. */
  most: number
  /** The maximum length of all values together. */
  characters: number
}

/**
 * Creates cookies like `createCookie`, of which a browser has several: each for a text. The name has the time of the
 * cookie and a hash of the text.
 */
export function createCookies(name: string, settings: CookieSettings) {
  const { fullName, write } = createWriter(name, settings)
  const pattern = new RegExp(`^\\s*(${fullName}-([0-9a-z]{1,9})-([0-9a-f]{16}))=(\\S+)\\s*$`)

  /** Returns the cookies of the request, the newest first: not every client sends the older cookies first. */
  function readAll(ctx: Context): { name: string; hash: string; value: string }[] {
    // Not ctx.cookies.get, which keeps a regular expression for every name for ever.
    const pairs = ctx.get('cookie').split(';')
    return pairs
      .flatMap((pair) => {
        const [, name = '', time = '', hash = '', value = ''] = pattern.exec(pair) ?? []
        return name === '' ? [] : [{ name, hash, value, time: Number.parseInt(time, 36) }]
      })
      .reverse()
      .sort((a, b) => b.time - a.time)
  }

  return {
    /** The names in the browser, for documentation. */
    name: `${fullName}-{time}-{hash}`,
    read: (ctx: Context, text: string): string | undefined =>
      readAll(ctx).find(({ hash }) => hash === hashOf(text, 16))?.value,
    /** Sets the cookie of a text, and clears the oldest other cookies beyond the limits. */
    write: (ctx: Context, text: string, value: string, { now, seconds, most, characters }: Limits): void => {
      const own = hashOf(text, 16)
      let left = most - 1
      let room = characters - value.length
      for (const other of readAll(ctx)) {
        if (other.hash !== own) room -= other.value.length
        if (other.hash === own || left-- <= 0 || room < 0) write(ctx, other.name, null, 0)
      }
      write(ctx, `${fullName}-${now.getTime().toString(36)}-${own}`, value, seconds)
    },
    clear: (ctx: Context, text: string): void => {
      for (const { name, hash } of readAll(ctx)) if (hash === hashOf(text, 16)) write(ctx, name, null, 0)
    },
  }
}

function createWriter(name: string, { publicUrl, sameSite }: CookieSettings) {
  const { protocol, port, pathname } = new URL(publicUrl)
  const secure = protocol === 'https:'
  const path = secure ? '/' : pathname.replace(/(?<=.)\/$/, '')
  const isPlain = port === '' && pathname === '/'
  return {
    fullName: `${secure ? '__Host-' : ''}${name}${isPlain ? '' : `-${hashOf(port + pathname, 8)}`}`,
    write(ctx: Context, fullName: string, value: string | null, seconds: number): void {
      // Behind a proxy that terminates TLS, the library would reject a secure cookie on the plain socket.
      ctx.cookies.secure = secure
      const options = { httpOnly: true, sameSite, path, secure, overwrite: true, maxAge: seconds * 1000 }
      ctx.cookies.set(fullName, value, options)
    },
  }
}

function hashOf(text: string, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits)
}
