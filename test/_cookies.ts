import { createHash } from 'node:crypto'

/** Returns the name of a gateway's cookie in browsers, by the public URL of the gateway. */
export function cookieName(publicUrl: string, name: string): string {
  const { protocol, port, pathname } = new URL(publicUrl)
  const hash = createHash('sha256').update(`${port}${pathname}`).digest('hex').slice(0, 8)
  const isPlain = port === '' && pathname === '/'
  return `${protocol === 'https:' ? '__Host-' : ''}${name}${isPlain ? '' : `-${hash}`}`
}

/** The cookies that a client has, by name. */
export type Cookies = Map<string, string>

/** The header with which a client sends its cookies; none without any. */
export function cookieHeader(cookies: Cookies): { cookie?: string } {
  const pairs = [...cookies].map(([name, value]) => `${name}=${value}`)
  return pairs.length > 0 ? { cookie: pairs.join('; ') } : {}
}

/** Keeps the cookies of an answer, and forgets those that it deletes. */
export function keepCookies(cookies: Cookies, headers: Headers): void {
  for (const line of headers.getSetCookie()) {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
    if (value === '') cookies.delete(name)
    else cookies.set(name, value)
  }
}
