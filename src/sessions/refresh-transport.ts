import type { Context, Contract } from '../context.ts'
import { GatewayError } from '../errors.ts'
import { createCookie } from '../http/cookie.ts'
import { createOriginCheck, isWebOrigin } from '../http/cors.ts'

export type RefreshCookieSettings = {
  /** True sends the refresh token in a cookie instead of the body. */
  cookieMode: boolean
  /** The gateway's origin and the origins of AUTH_CORS_ORIGINS. */
  origins: readonly string[]
  publicUrl: string
}

/** The transport of the refresh token: the body, or an HttpOnly cookie. */
export type RefreshTransport = {
  /** The name of the cookie; null for the body. */
  cookie: string | null
  /** The contract of a step that reads the refresh token. */
  contract: Contract
  /** Returns the refresh token of the body, else of the cookie. Throws `invalid_token` without a token. */
  read(ctx: Context, sent: string | undefined): string
  /** Returns the refresh token as a member of the body. In cookie mode, sets the cookie and returns no member. */
  send(ctx: Context, refreshToken: string, lifetime: number): { refreshToken?: string }
  /** Returns the refresh token of the cookie that `send` replaces, unverified; undefined without a cookie. */
  replaced(ctx: Context): string | undefined
  /** Clears the cookie. */
  clear(ctx: Context): void
}

/**
 * Creates the transport of the refresh token. In cookie mode the cookie is `__Host-`, HttpOnly, Secure and
 * SameSite=Strict. Reading the cookie requires an allowed `Origin` and `Sec-Fetch-Site`; else throws
 * `origin_not_allowed`.
 */
export function createRefreshTransport({
  cookieMode,
  origins,
  publicUrl,
}: RefreshCookieSettings): RefreshTransport {
  const cookie = createCookie('claimgate-refresh', { publicUrl, sameSite: 'strict' })
  const isAllowed = createOriginCheck(origins)

  function requireOrigin(ctx: Context): void {
    const origin = ctx.get('origin')
    const site = ctx.get('sec-fetch-site')
    const isSameSite = site === '' || site === 'same-origin' || site === 'same-site'
    // Browsers send "cross-site" or "none" for an app in a web view and for an extension.
    const isExpected = isSameSite || !isWebOrigin(origin)
    if (!isExpected || !isAllowed(origin)) throw new GatewayError('origin_not_allowed')
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
    // No origin is required: another site can neither send this cookie nor a JSON body.
    replaced: (ctx) => (cookieMode ? cookie.read(ctx) : undefined),
    clear: (ctx) => {
      if (cookieMode) cookie.clear(ctx)
    },
  }
}
