import type { Clock, Middleware } from '../context.ts'
import type { RefreshTransport } from '../sessions/refresh-cookie.ts'
import type { RefreshTokens } from '../sessions/refresh-token.ts'
import type { AccessTokens } from '../tokens/access-token.ts'
import { claimed } from './claimed.ts'

export type SessionDeps = {
  accessTokens: Pick<AccessTokens, 'sign'>
  refreshTokens: Pick<RefreshTokens, 'sign'>
  transport: Pick<RefreshTransport, 'send'>
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
  return async function session(ctx) {
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
  }
}
