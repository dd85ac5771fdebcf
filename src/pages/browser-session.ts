import * as z from 'zod'
import { requireClaims } from '../claims/claims-proxy.ts'
import type { ActiveSession, Clock, Context, Middleware } from '../context.ts'
import { GatewayError } from '../errors.ts'
import { createCookie } from '../http/cookie.ts'
import type { PageSessions } from '../stores/page-sessions.ts'
import type { Sessions } from '../stores/sessions.ts'
import { seal, unseal } from '../tokens/encrypted-payload.ts'
import type { SecretKeys } from '../tokens/secrets.ts'

type BrowserSessionOptions = {
  cookie: PageCookie
  sessions: Pick<Sessions, 'read' | 'revoke'>
  pageSessions: Pick<PageSessions, 'extend'>
  clock: Clock
}

/**
 * Loads the session of the page cookie from the database into `ctx.state.browserSession`. The cookie of a session that
 * has ended is cleared.
 */
export function loadBrowserSession(options: BrowserSessionOptions): Middleware {
  const { cookie, sessions, pageSessions, clock } = options
  return async function loadBrowserSession(ctx, next) {
    const named = await cookie.read(ctx)
    const access = named && (await sessions.read(named.sessionId, named.userId, clock()))
    if (access) {
      ctx.state.browserSession = access
      await pageSessions.extend(access, clock())
      // While both secrets are accepted, every visit replaces a cookie of the previous secret.
      if (named.isOld) await cookie.write(ctx, access)
    } else if (named) cookie.clear(ctx)
    await next()
  }
}

/** Returns the session of the pages in this browser. Throws `invalid_token` without one. */
export function requireBrowserSession({ state }: Context): ActiveSession {
  if (!state.browserSession) throw new GatewayError('invalid_token')
  return state.browserSession
}

/** Signs this browser in with the session of the claims proxy. The previous session of the browser ends. */
export function saveBrowserSession(options: BrowserSessionOptions): Middleware {
  const { cookie } = options
  return async function saveBrowserSession(ctx, next) {
    const { access } = requireClaims(ctx)
    if (ctx.state.browserSession) await end(ctx, ctx.state.browserSession, options)
    await cookie.write(ctx, access)
    ctx.state.browserSession = access
    await next()
  }
}

/** Announces the session that an app has got. This browser stays signed in with its own session, also in the log. */
export const announceAppSession: Middleware = async function announceAppSession(ctx, next) {
  ctx.state.announce('session.begun')
  await next()
  ctx.state.access = requireBrowserSession(ctx)
}

/** Signs this browser out. Throws `invalid_token` when it is not signed in. */
export function signOut(options: BrowserSessionOptions): Middleware {
  return async function signOut(ctx, next) {
    await end(ctx, requireBrowserSession(ctx), options)
    options.cookie.clear(ctx)
    await next()
  }
}

async function end(
  ctx: Context,
  { sessionId, userId }: ActiveSession,
  { sessions, clock }: BrowserSessionOptions,
): Promise<void> {
  await sessions.revoke(sessionId, false, clock())
  ctx.state.announce('logout', { sessionId, userId, everywhere: false })
}

/** The session of the page cookie. `isOld` is true for a cookie that is sealed with the previous secret. */
export type PageSession = { sessionId: string; userId: string; isOld: boolean }

export type PageCookie = ReturnType<typeof createPageCookie>

const payloadSchema = z.object({ sessionId: z.guid(), userId: z.guid() })

type PageCookieOptions = { keys: SecretKeys; publicUrl: string; clock: Clock }

/**
 * The cookie of the pages: session and user, encrypted. The routes of the JSON interface ignore it, so another site cannot
 * send requests to them as the signed-in user.
 */
export function createPageCookie({ keys, publicUrl, clock }: PageCookieOptions) {
  const cookie = createCookie('claimgate', { publicUrl, sameSite: 'lax' })
  const open = async (sealed: string, by: SecretKeys) =>
    payloadSchema.parse(await unseal(sealed, by, clock()))
  return {
    clear: cookie.clear,

    /** Writes the cookie until the absolute end of the session. The database knows an earlier end. */
    write: async (ctx: Context, { sessionId, userId, expiresAt }: ActiveSession): Promise<void> => {
      const seconds = Math.max(0, Math.floor((expiresAt.getTime() - clock().getTime()) / 1000))
      cookie.write(ctx, await seal({ sessionId, userId }, keys, expiresAt), seconds)
    },

    /** Reads the session of the request; null without a valid cookie. An invalid cookie is cleared. */
    read: async (ctx: Context): Promise<PageSession | null> => {
      const sealed = cookie.read(ctx)
      if (sealed === undefined) return null
      try {
        const found = await open(sealed, [keys[0]]).catch(() => null)
        return found ? { ...found, isOld: false } : { ...(await open(sealed, keys)), isOld: true }
      } catch {
        cookie.clear(ctx)
        return null
      }
    },
  }
}
