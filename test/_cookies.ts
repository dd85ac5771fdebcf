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
