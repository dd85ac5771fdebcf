import type { Access, Clock, Context } from '../context.ts'
import { type ErrorCode, GatewayError } from '../errors.ts'
import type { PageSessions } from '../stores/page-sessions.ts'
import type { Device, Sessions } from '../stores/sessions.ts'
import { challengeOf, codeLifetime, hashCode } from '../tokens/authorization-code.ts'
import type { RefreshTokens } from '../tokens/refresh-token.ts'

export type ReadAccess = ReturnType<typeof createReadAccess>

/**
 * The ways to a session, each for a claims proxy: one statement that begins, continues, redeems or reads it and says
 * what its user may be at that moment. Each throws when there is no such session.
 */
export function createReadAccess(
  sessions: Sessions,
  pageSessions: Pick<PageSessions, 'beginBeside'>,
  refreshTokens: Pick<RefreshTokens, 'verify'>,
  grace: number,
  clock: Clock,
) {
  return {
    /** A new session for whom this request has authenticated. Throws `invalid_credentials`. */
    begin: async (ctx: Context): Promise<Access> => {
      const { user, flow } = ctx.state
      if (!user) throw new Error('this route does not authenticate anybody')
      // Until its one-time code is exchanged, a session is worth no more than the code.
      const idle = flow?.redirectTo && !flow.page ? codeLifetime : undefined
      return required(await sessions.begin(user, deviceOf(ctx), clock(), idle), 'invalid_credentials')
    },

    /** A session for an app, of whoever is signed in on our pages. Throws `invalid_token`. */
    beside: async (ctx: Context): Promise<Access> => {
      const { access } = ctx.state
      if (!access) throw new Error('this route does not pass the claims proxy')
      const begun = await pageSessions.beginBeside(access, deviceOf(ctx), clock(), codeLifetime)
      return required(begun, 'invalid_token')
    },

    /**
     * The session of the refresh token, moved on to the next one. The token just before the current one gives the same
     * successor again for `grace` seconds, so that two tabs and a lost answer end with one token; after that, or with
     * an older one, somebody else has it too, and the session ends (RFC 9700, section 4.14.2). Throws `invalid_token`.
     */
    refresh: async (ctx: Context): Promise<Access> => {
      const now = clock()
      const since = new Date(now.getTime() - grace * 1000)
      const { sessionId, counter } = refreshTokens.verify(ctx.state.refreshToken ?? '')
      const access =
        (await sessions.rotate(sessionId, counter, now)) ??
        (await sessions.repeat(sessionId, counter, since, now))
      if (access) return access
      const userId = await sessions.revokeReused(sessionId, counter, since, now)
      if (userId === null) throw new GatewayError('invalid_token', { about: { sessionId } })
      throw new GatewayError('invalid_token', { event: 'refresh.reuse', about: { sessionId, userId } })
    },

    /** The session of the one-time code in the body. Throws `invalid_code`. */
    redeem: async (ctx: Context): Promise<Access> => {
      const { code, codeVerifier } = ctx.state.body as { code: string; codeVerifier?: string }
      const challenge = codeVerifier === undefined ? null : challengeOf(codeVerifier)
      return required(await sessions.redeem(hashCode(code), challenge, clock()), 'invalid_code')
    },

    current: createReadCurrent(sessions, clock),
  }
}

/** The session of the verified access token, as `sessions` knows it. Throws `invalid_token`. */
export function createReadCurrent(sessions: Pick<Sessions, 'read'>, clock: Clock) {
  return async function readCurrent(ctx: Context): Promise<Access> {
    const { bearer } = ctx.state
    if (!bearer) throw new Error('this route does not verify a token')
    return required(await sessions.read(bearer.sessionId, bearer.userId, clock()), 'invalid_token')
  }
}

function required(access: Access | null, code: ErrorCode): Access {
  if (access === null) throw new GatewayError(code)
  return access
}

function deviceOf(ctx: Context): Device {
  return { userAgent: storable(ctx.get('user-agent')), address: ctx.state.address }
}

function storable(userAgent: string): string | null {
  return userAgent.replace(/\p{Cc}/gu, '').slice(0, 300) || null
}
