import { requireClaims } from '../claims/claims-proxy.ts'
import { type ActiveSession, type Clock, type Context, requireState } from '../context.ts'
import { type ErrorCode, GatewayError } from '../errors.ts'
import type { PageSessions } from '../stores/page-sessions.ts'
import type { Device, Sessions } from '../stores/sessions.ts'
import { challengeOf, codeLifetime, hashCode } from '../tokens/authorization-code.ts'
import type { RefreshTokens } from '../tokens/refresh-token.ts'

type OpenSessionOptions = {
  sessions: Sessions
  pageSessions: Pick<PageSessions, 'beginSecond'>
  refreshTokens: Pick<RefreshTokens, 'verify'>
  /** `refreshGrace`: the seconds for which the previous refresh token still works. */
  config: { refreshGrace: number }
  clock: Clock
}

/**
 * The ways to a session, each for a claims proxy: one statement starts, continues or reads it, and reads the roles and
 * claims of its user. Each throws when there is no such session.
 */
export function createOpenSession({
  sessions,
  pageSessions,
  refreshTokens,
  config,
  clock,
}: OpenSessionOptions) {
  return {
    /** Starts a session for the user who has authenticated. Throws `invalid_credentials`. */
    start: async (ctx: Context): Promise<ActiveSession> => {
      const user = requireState(ctx, 'user')
      const { flow } = ctx.state
      // Until its one-time code is exchanged, a session is worth no more than the code.
      const idle = flow?.redirectTo && !flow.page ? codeLifetime : undefined
      return required(await sessions.begin(user, deviceOf(ctx), clock(), idle), 'invalid_credentials')
    },

    /** Starts a session of an app for the user who is signed in on the pages. Throws `invalid_token`. */
    startSecond: async (ctx: Context): Promise<ActiveSession> => {
      const { access } = requireClaims(ctx)
      const begun = await pageSessions.beginSecond(access, deviceOf(ctx), clock(), codeLifetime)
      return required(begun, 'invalid_token')
    },

    /**
     * The session of the refresh token, moved on to the next one. The token just before the current one gives the same
     * successor again for `refreshGrace` seconds, so that two tabs and a lost answer end with one token; after that, or with
     * an older one, somebody else has it too, and the session ends (RFC 9700, section 4.14.2). Throws `invalid_token`.
     */
    refresh: async (ctx: Context): Promise<ActiveSession> => {
      const now = clock()
      const since = new Date(now.getTime() - config.refreshGrace * 1000)
      const { sessionId, counter } = refreshTokens.verify(requireState(ctx, 'refreshToken'))
      const access =
        (await sessions.rotate(sessionId, counter, now)) ??
        (await sessions.repeat(sessionId, counter, since, now))
      if (access) return access
      const userId = await sessions.revokeReused(sessionId, counter, since, now)
      if (userId === null) throw new GatewayError('invalid_token', { about: { sessionId } })
      throw new GatewayError('invalid_token', { event: 'refresh.reuse', about: { sessionId, userId } })
    },

    /** Exchanges a one-time code for its session. Throws `invalid_code`. */
    exchangeCode: async ({ code, codeVerifier }: CodeAndVerifier): Promise<ActiveSession> => {
      const challenge = codeVerifier === undefined ? null : challengeOf(codeVerifier)
      return required(await sessions.redeem(hashCode(code), challenge, clock()), 'invalid_code')
    },

    current: createReadCurrent({ sessions, clock }),
  }
}

/** A one-time code, and its PKCE verifier (RFC 7636) if the client sent one. */
type CodeAndVerifier = { code: string; codeVerifier?: string | undefined }

type ReadCurrentOptions = { sessions: Pick<Sessions, 'read'>; clock: Clock }

/** Makes a function that reads the session of the verified access token from `sessions`. It throws `invalid_token`. */
export function createReadCurrent({ sessions, clock }: ReadCurrentOptions) {
  return async function readCurrent(ctx: Context): Promise<ActiveSession> {
    const bearer = requireState(ctx, 'bearer')
    return required(await sessions.read(bearer.sessionId, bearer.userId, clock()), 'invalid_token')
  }
}

function required(access: ActiveSession | null, code: ErrorCode): ActiveSession {
  if (access === null) throw new GatewayError(code)
  return access
}

function deviceOf(ctx: Context): Device {
  return { userAgent: storable(ctx.get('user-agent')), address: ctx.state.address }
}

function storable(userAgent: string): string | null {
  return userAgent.replace(/\p{Cc}/gu, '').slice(0, 300) || null
}
