import * as z from 'zod'
import { requireClaims } from '../claims/claims-proxy.ts'
import { type Answer, type Context, type Middleware, withContract } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { warnOfLength } from '../http/header-size.ts'
import type { RefreshTransport } from '../sessions/refresh-transport.ts'
import { emailVerified, id, level, roles, username } from './schemas.ts'

const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhNmNkYTdmZiJ9.c2lnbmF0dXJl'

/** Creates the contract of an answer with a session. In cookie mode the body has no refresh token. */
export function createSessionAnswer(inBody: boolean): Answer {
  const fields = z.strictObject({
    id,
    username,
    emailVerified,
    ...roles,
    level,
    token: z.jwt().meta({ examples: [token] }),
    tokenType: z.literal('Bearer'),
    expiresIn: z
      .int()
      .positive()
      .meta({ examples: [900] }),
    refreshToken: z.string().meta({ examples: ['cgr_F-mQRR5mRsiuEBG_…'] }),
    refreshExpiresIn: z
      .int()
      .nonnegative()
      .meta({ examples: [1_209_600] }),
  })
  const description = 'The session: the user and the tokens.'
  if (inBody) return { description, schema: fields.meta({ title: 'Session' }) }
  return {
    description,
    schema: fields.omit({ refreshToken: true }).meta({ title: 'BrowserSession' }),
    headers: { 'Set-Cookie': 'The refresh token, as a cookie of this browser.' },
  }
}

/**
 * Answers with the session: its user, an access token with their claims, and a refresh token. In cookie mode another
 * session of this browser ends, because its refresh token is replaced.
 */
export function session(deps: Dependencies, transport: RefreshTransport): Middleware {
  const { accessTokens, refreshTokens, sessions, clock, createId } = deps

  async function endReplaced(ctx: Context, kept: string, now: Date): Promise<void> {
    const sessionId = sessionOf(transport.replaced(ctx))
    if (sessionId === null || sessionId === kept) return
    if (!(await sessions.revoke(sessionId, false, now))) return
    // The other session may belong to another user than this one.
    ctx.state.announce('logout', { sessionId, userId: undefined, everywhere: false })
  }

  function sessionOf(refreshToken: string | undefined): string | null {
    try {
      return refreshToken === undefined ? null : refreshTokens.verify(refreshToken).sessionId
    } catch {
      return null
    }
  }

  return withContract(
    { answers: { 200: createSessionAnswer(transport.cookie === null) }, errors: ['database_unavailable'] },
    async function session(ctx) {
      const { access, claims } = requireClaims(ctx)
      const now = clock()
      const refreshExpiresIn = Math.round((access.idleExpiresAt.getTime() - now.getTime()) / 1000)
      const { token, expiresIn } = await accessTokens.sign(
        { ...access, sessionExpiresAt: access.idleExpiresAt, claims },
        createId(),
        now,
      )
      const warning = warnOfLength(token.length)
      if (warning) ctx.state.log.warn({ userId: access.userId, bytes: token.length }, warning)
      await endReplaced(ctx, access.sessionId, now)
      ctx.set('Cache-Control', 'no-store')
      ctx.body = {
        id: access.userId,
        username: access.username,
        emailVerified: access.emailVerified,
        roles: claims.allowedRoles,
        defaultRole: claims.defaultRole,
        level: access.level,
        token,
        tokenType: 'Bearer',
        expiresIn,
        ...transport.send(ctx, refreshTokens.sign(access), refreshExpiresIn),
        refreshExpiresIn,
      }
    },
  )
}
