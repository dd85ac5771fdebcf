import { z } from 'zod'
import type { Access, Clock, Context, Middleware } from '../context.ts'
import { GatewayError } from '../errors.ts'
import { createCookie } from '../http/cookie.ts'
import type { PageSessions } from '../stores/page-sessions.ts'
import type { Sessions } from '../stores/sessions.ts'
import { seal, unseal } from '../tokens/encrypted-payload.ts'
import type { SecretKeys } from '../tokens/secrets.ts'

/**
 * Finds out who is signed in on our pages in this browser, as the database says now, and puts them into
 * `ctx.state.visitor`. A cookie whose session is over is taken back.
 */
export function createLook(
  cookie: PageCookie,
  sessions: Pick<Sessions, 'read'>,
  pageSessions: Pick<PageSessions, 'extend'>,
  clock: Clock,
): Middleware {
  return async function look(ctx, next) {
    const named = await cookie.read(ctx)
    const access = named && (await sessions.read(named.sessionId, named.userId, clock()))
    if (access) {
      ctx.state.visitor = access
      await pageSessions.extend(access, clock())
      // Whoever comes by while both secrets are accepted stays signed in when the old one is gone.
      if (named.isOld) await cookie.write(ctx, access)
    } else if (named) cookie.clear(ctx)
    await next()
  }
}

/** Whoever is signed in on our pages. Throws `invalid_token` when it is nobody. */
export function requireVisitor(visitor: Access | undefined): Access {
  if (!visitor) throw new GatewayError('invalid_token')
  return visitor
}

/** Signs this browser in: from now on its cookie is that of `ctx.state.access`. The session it had before ends. */
export function createKeep(cookie: PageCookie, sessions: Pick<Sessions, 'revoke'>, clock: Clock): Middleware {
  return async function keep(ctx, next) {
    const { access, visitor } = ctx.state
    if (!access) throw new Error('this route does not pass the claims proxy')
    if (visitor) await end(ctx, visitor, sessions, clock)
    await cookie.write(ctx, access)
    ctx.state.visitor = access
    await next()
  }
}

/** Announces the session that an app has been given. This browser stays signed in with its own, also in the log. */
export const announceAppSession: Middleware = async function announceAppSession(ctx, next) {
  ctx.state.announce('session.begun')
  await next()
  ctx.state.access = requireVisitor(ctx.state.visitor)
}

/** Signs this browser out. Throws `invalid_token` when nobody is signed in. */
export function createSignOut(
  cookie: PageCookie,
  sessions: Pick<Sessions, 'revoke'>,
  clock: Clock,
): Middleware {
  return async function signOut(ctx, next) {
    await end(ctx, requireVisitor(ctx.state.visitor), sessions, clock)
    cookie.clear(ctx)
    await next()
  }
}

async function end(
  ctx: Context,
  { sessionId, userId }: Access,
  sessions: Pick<Sessions, 'revoke'>,
  clock: Clock,
): Promise<void> {
  await sessions.revoke(sessionId, false, clock())
  ctx.state.announce('logout', { sessionId, userId, everywhere: false })
}

/** Which session a browser has on our pages, and whether its cookie is sealed with the secret before this one. */
export type PageSession = { sessionId: string; userId: string; isOld: boolean }

export type PageCookie = ReturnType<typeof createPageCookie>

const payloadSchema = z.object({ sessionId: z.guid(), userId: z.guid() })

/**
 * The cookie by which our pages know a browser: session and user, encrypted. No route of the JSON interface looks at it,
 * so no other site can do anything there in the name of whoever is signed in here.
 */
export function createPageCookie(keys: SecretKeys, secure: boolean, clock: Clock) {
  const cookie = createCookie('claimgate', { secure, sameSite: 'lax' })
  const open = async (sealed: string, by: SecretKeys) =>
    payloadSchema.parse(await unseal(sealed, by, clock()))
  return {
    clear: cookie.clear,

    /** Keeps a session until it ends in any case; whether it has ended before, the database says. */
    write: async (ctx: Context, { sessionId, userId, expiresAt }: Access): Promise<void> => {
      const seconds = Math.max(0, Math.floor((expiresAt.getTime() - clock().getTime()) / 1000))
      cookie.write(ctx, await seal({ sessionId, userId }, keys, expiresAt), seconds)
    },

    /** The session of the request; null when there is none, and when its cookie is not ours or too old. */
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
