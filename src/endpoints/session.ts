import { z } from 'zod'
import { claimed } from '../claims/claims-proxy.ts'
import { type Answer, type Clock, type Middleware, withContract } from '../context.ts'
import type { RefreshTransport } from '../sessions/refresh-transport.ts'
import type { AccessTokens } from '../tokens/access-token.ts'
import type { RefreshTokens } from '../tokens/refresh-token.ts'
import { id, roles, username } from './schemas.ts'

const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhNmNkYTdmZiJ9.c2lnbmF0dXJl'

/** A session as it is answered; where the refresh token travels in a cookie, the body has none. */
export function createSessionAnswer(inBody: boolean): Answer {
  const fields = z.strictObject({
    id,
    username,
    ...roles,
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
  const description = 'The session: who signed in, and the tokens that prove it.'
  if (inBody) return { description, schema: fields.meta({ title: 'Session' }) }
  return {
    description,
    schema: fields.omit({ refreshToken: true }).meta({ title: 'BrowserSession' }),
    headers: { 'Set-Cookie': 'The refresh token, for this browser only.' },
  }
}

export type SessionDeps = {
  accessTokens: Pick<AccessTokens, 'sign'>
  refreshTokens: Pick<RefreshTokens, 'sign'>
  transport: Pick<RefreshTransport, 'send' | 'cookie'>
  clock: Clock
  /** A new unique name for each token (`jti`). */
  createId: () => string
}

/** Answers with the session: who signed in, an access token that carries their claims, and a refresh token. */
export function createSession({
  accessTokens,
  refreshTokens,
  transport,
  clock,
  createId,
}: SessionDeps): Middleware {
  return withContract(
    { answers: { 200: createSessionAnswer(transport.cookie === null) }, errors: ['database_unavailable'] },
    async function session(ctx) {
      const { access, claims } = claimed(ctx)
      const now = clock()
      const refreshExpiresIn = Math.round((access.idleExpiresAt.getTime() - now.getTime()) / 1000)
      const { token, expiresIn } = await accessTokens.sign(
        {
          username: access.username,
          sessionId: access.sessionId,
          sessionExpiresAt: access.idleExpiresAt,
          claims,
        },
        createId(),
        now,
      )
      ctx.set('Cache-Control', 'no-store')
      ctx.body = {
        id: access.userId,
        username: access.username,
        roles: claims.allowedRoles,
        defaultRole: claims.defaultRole,
        token,
        tokenType: 'Bearer',
        expiresIn,
        ...transport.send(ctx, refreshTokens.sign(access), refreshExpiresIn),
        refreshExpiresIn,
      }
    },
  )
}
