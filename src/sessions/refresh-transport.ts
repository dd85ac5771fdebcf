import type { Context, Contract } from '../context.ts'
import { GatewayError } from '../errors.ts'
import { createCookie } from '../http/cookie.ts'

export type RefreshCookieSettings = {
  /** Whether browsers keep the refresh token in a cookie instead of reading it from the body. */
  cookieMode: boolean
  /** The gateway's own origin and those of AUTH_CORS_ORIGINS. */
  origins: readonly string[]
  secure: boolean
}

/** How the refresh token travels: in the body, or in a cookie that no script can read. */
export type RefreshTransport = {
  /** The cookie that it travels in; null where it is in the body. */
  cookie: string | null
  /** The contract of a step that reads the refresh token. */
  contract: Contract
  /** Returns the refresh token of the body, or else that of the cookie. Throws `invalid_token` without either. */
  read(ctx: Context, sent: string | undefined): string
  /** What the answer's body says of the refresh token; in cookie mode nothing, and the cookie is set. */
  send(ctx: Context, refreshToken: string, lifetime: number): { refreshToken?: string }
  /** Takes the cookie back. */
  clear(ctx: Context): void
}

/**
 * In cookie mode the token is a `__Host-` cookie: HttpOnly, Secure, SameSite=Strict. A request that carries it must
 * come from one of the allowed origins by what the browser says in Origin and Sec-Fetch-Site (`origin_not_allowed`).
 */
export function createRefreshTransport({
  cookieMode,
  origins,
  secure,
}: RefreshCookieSettings): RefreshTransport {
  const cookie = createCookie('claimgate-refresh', { secure, sameSite: 'strict' })
  const allowed = new Set(origins)

  function requireOrigin(ctx: Context): void {
    const site = ctx.get('sec-fetch-site')
    const isSameSite = site === '' || site === 'same-origin' || site === 'same-site'
    if (!isSameSite || !allowed.has(ctx.get('origin'))) throw new GatewayError('origin_not_allowed')
  }

  const contract: Contract = cookieMode
    ? {
        credential: { kind: 'refreshCookie', isOptional: true },
        errors: ['invalid_token', 'origin_not_allowed'],
      }
    : {}
  return {
    cookie: cookieMode ? cookie.name : null,
    contract,
    read: (ctx, sent) => {
      const kept = cookieMode && sent === undefined ? cookie.read(ctx) : undefined
      if (kept !== undefined) requireOrigin(ctx)
      const refreshToken = sent ?? kept
      if (refreshToken === undefined)
        throw new GatewayError('invalid_token', { detail: 'There is no refresh token' })
      return refreshToken
    },
    send: (ctx, refreshToken, lifetime) => {
      if (!cookieMode) return { refreshToken }
      cookie.write(ctx, refreshToken, lifetime)
      return {}
    },
    clear: (ctx) => {
      if (cookieMode) cookie.clear(ctx)
    },
  }
}
