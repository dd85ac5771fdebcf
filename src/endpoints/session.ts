import type { Clock, Middleware } from '../context.ts'
import type { RefreshTokens } from '../sessions/refresh-token.ts'
import type { AccessTokens } from '../tokens/access-token.ts'
import { claimed } from './claimed.ts'

export type SessionDeps = {
  accessTokens: Pick<AccessTokens, 'sign'>
  refreshTokens: Pick<RefreshTokens, 'sign'>
  clock: Clock
  /** A new unique name for each token (`jti`). */
  createId: () => string
}

/** Answers with the session: who signed in, an access token that carries their claims, and a refresh token. */
export function createSession({ accessTokens, refreshTokens, clock, createId }: SessionDeps): Middleware {
  return async function session(ctx) {
    const { access, claims } = claimed(ctx)
    const now = clock()
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
      refreshToken: refreshTokens.sign(access),
      refreshExpiresIn: Math.round((access.idleExpiresAt.getTime() - now.getTime()) / 1000),
    }
  }
}
