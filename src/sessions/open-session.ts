import type { IncomingMessage } from 'node:http'
import { requireClaims } from '../claims/claims-proxy.ts'
import { type ActiveSession, type Bearer, type Clock, type Context, requireState } from '../context.ts'
import { type ErrorCode, GatewayError } from '../errors.ts'
import type { PageSessions } from '../stores/page-sessions.ts'
import type { ClientKind } from '../stores/session-reuse.ts'
import type { Device, Sessions } from '../stores/sessions.ts'
import { challengeOf, codeGrace, codeLifetime, hashCode } from '../tokens/authorization-code.ts'
import type { RefreshTokens } from '../tokens/refresh-token.ts'
import { clientKind } from './client-kind.ts'

type OpenSessionOptions = {
  sessions: Sessions
  pageSessions: Pick<PageSessions, 'beginSecond'>
  refreshTokens: Pick<RefreshTokens, 'verify'>
  /** `refreshGrace`: the seconds during which the previous refresh token still works. */
  config: { refreshGrace: number; publicUrl: string; corsOrigins: readonly string[] }
  clock: Clock
}

/**
 * Creates the functions that start, refresh or read a session, for the claims proxy. Each takes one statement, which
 * also reads the user's roles and claims. Each throws for a missing session.
 */
export function createOpenSession({
  sessions,
  pageSessions,
  refreshTokens,
  config,
  clock,
}: OpenSessionOptions) {
  const pagesOrigin = new URL(config.publicUrl).origin
  const apps = new Set(config.corsOrigins)

  /** Returns the origin of the app that a session is for. A page of an app names itself in the header Origin. */
  function appOf(ctx: Context): string | null {
    const { redirectTo = null, page = false } = ctx.state.flow ?? ctx.state.start ?? {}
    if (page) return pagesOrigin
    const origin = ctx.get('origin')
    return redirectTo === null ? (apps.has(origin) ? origin : null) : originOf(redirectTo)
  }

  return {
    /** Starts a session for the authenticated user. Throws `invalid_credentials`. */
    start: async (ctx: Context): Promise<ActiveSession> => {
      const user = requireState(ctx, 'user')
      const { flow } = ctx.state
      // The session lives only as long as its one-time code until the code is exchanged.
      const idle = flow?.redirectTo && !flow.page ? codeLifetime : undefined
      return required(
        await sessions.begin(user, { ...deviceOf(ctx), app: appOf(ctx) }, clock(), idle),
        'invalid_credentials',
      )
    },

    /** Starts a session of an app for the user of the pages' session. Throws `invalid_token`. */
    startSecond: async (ctx: Context): Promise<ActiveSession> => {
      const { access } = requireClaims(ctx)
      const { redirectTo = null } = ctx.state.flow ?? ctx.state.start ?? {}
      const device = { ...deviceOf(ctx), app: redirectTo && originOf(redirectTo) }
      const begun = await pageSessions.beginSecond(access, device, clock(), codeLifetime)
      return required(begun, 'invalid_token')
    },

    /**
     * Rotates the refresh token and returns its session. The previous token returns the same successor for
     * `refreshGrace` seconds, for two tabs and for lost answers. Later it does so once for an unused successor, for the
     * same kind of browser in the same network. Any other use, or an older token, is reuse by another client: the
     * session ends (RFC 9700, section 4.14.2). Throws `invalid_token`.
     */
    refresh: async (ctx: Context): Promise<ActiveSession> => {
      const now = clock()
      const since = new Date(now.getTime() - config.refreshGrace * 1000)
      const { sessionId, counter } = refreshTokens.verify(requireState(ctx, 'refreshToken'))
      const client = kindOf(ctx)
      const access =
        (await sessions.rotate(sessionId, counter, now, client)) ??
        (await sessions.repeat(sessionId, counter, since, now))
      if (access) return access
      const late = await sessions.repeatLate(sessionId, counter, client, now)
      if (late) {
        ctx.state.attempt = { ok: 'refresh.late', failed: 'refresh.failed' }
        return late
      }
      const userId = await sessions.revokeReused(sessionId, counter, since, now)
      if (userId === null) throw new GatewayError('invalid_token', { about: { sessionId } })
      throw new GatewayError('invalid_token', { event: 'refresh.reuse', about: { sessionId, userId } })
    },

    /**
     * Makes the authentication of this request the last one of the session, and rotates the refresh token. Throws
     * `invalid_credentials` when the session has ended or the password has changed meanwhile.
     */
    stepUp: async (ctx: Context): Promise<ActiveSession> => {
      const { access } = requireClaims(ctx)
      const proven = requireState(ctx, 'user')
      return required(await sessions.stepUp(access.sessionId, proven, clock()), 'invalid_credentials')
    },

    /**
     * Exchanges a one-time code for its session. A second exchange is rejected. When it comes later than an app repeats
     * a call, another client has the code too: the session ends (RFC 6749, section 4.1.2). Throws `invalid_code`.
     */
    exchangeCode: async ({ code, codeVerifier }: CodeAndVerifier): Promise<ActiveSession> => {
      const now = clock()
      const hash = hashCode(code)
      const challenge = codeVerifier === undefined ? null : challengeOf(codeVerifier)
      const access = await sessions.redeem(hash, challenge, now)
      if (access) return access
      const since = new Date(now.getTime() - codeGrace * 1000)
      const ended = await sessions.revokeReplayed(hash, challenge, since, now)
      throw new GatewayError('invalid_code', ended ? { event: 'exchange.reuse', about: ended } : {})
    },

    current: createReadCurrent({ sessions, clock }),

    /** Reads the current session with the profile of its user. Throws `invalid_token`. */
    profile: async (ctx: Context): Promise<ActiveSession> => {
      const bearer = requireState(ctx, 'bearer')
      const read = await sessions.readProfile(bearer.sessionId, bearer.userId, clock())
      const found = required(read, 'invalid_token')
      ctx.state.profile = found
      return found
    },
  }
}

/** A one-time code, with the client's optional PKCE verifier (RFC 7636). */
type CodeAndVerifier = { code: string; codeVerifier?: string | undefined }

type ReadCurrentOptions = { sessions: Pick<Sessions, 'read'>; clock: Clock }

/** Creates a function that reads the session of the verified access token. The function throws `invalid_token`. */
function createReadCurrent({ sessions, clock }: ReadCurrentOptions) {
  return async function readCurrent(ctx: Context): Promise<ActiveSession> {
    const bearer = requireState(ctx, 'bearer')
    return required(await sessions.read(bearer.sessionId, bearer.userId, clock()), 'invalid_token')
  }
}

export type WebhookReads = ReturnType<typeof createWebhookReads>

/** Creates the reads of `/webhook`. The plain path takes over the read that the fast path has begun for a request. */
export function createWebhookReads({ sessions, clock }: ReadCurrentOptions) {
  const begun = new WeakMap<IncomingMessage, Promise<ActiveSession | null>>()
  const read = ({ sessionId, userId }: Bearer) => sessions.read(sessionId, userId, clock())
  return {
    /** Reads the session of an access token; null without a valid session. */
    read,

    /** Hands a read over to the plain path. */
    handOver: (req: IncomingMessage, reading: Promise<ActiveSession | null>) => void begun.set(req, reading),

    /** Reads the session of the verified access token. Throws `invalid_token`. */
    current: async (ctx: Context): Promise<ActiveSession> =>
      required(await (begun.get(ctx.req) ?? read(requireState(ctx, 'bearer'))), 'invalid_token'),
  }
}

function required<Access extends ActiveSession>(access: Access | null, code: ErrorCode): Access {
  if (access === null) throw new GatewayError(code)
  return access
}

function kindOf(ctx: Context): ClientKind {
  // Hasura sends its own User-Agent, and often its own address: all its clients would be one kind.
  if (ctx.state.hasuraClient !== undefined) return null
  return clientKind(ctx.get('user-agent'), ctx.state.address)
}

function deviceOf(ctx: Context): Device {
  return { userAgent: storable(ctx.get('user-agent')), address: ctx.state.address }
}

/** Returns the origin of a redirect target: of a web page, or the scheme of an app with `//`. */
function originOf(target: string): string {
  const { protocol, origin } = new URL(target)
  return /^https?:$/.test(protocol) ? origin : `${protocol}//`
}

function storable(userAgent: string): string | null {
  return userAgent.replace(/\p{Cc}/gu, '').slice(0, 300) || null
}
