import { z } from 'zod'
import type { Clock, Middleware } from '../context.ts'
import type { Sessions } from '../database/sessions.ts'
import { text } from '../http/text.ts'
import type { RefreshTokens } from '../sessions/refresh-token.ts'

/** The body of POST /logout. */
export const logoutBody = z.strictObject({ refreshToken: text(200), everywhere: z.boolean().optional() })

/** Ends the session of a refresh token, or all sessions of its user. Ending what has ended already is a success. */
export function createLogout(
  sessions: Pick<Sessions, 'revoke'>,
  refreshTokens: Pick<RefreshTokens, 'verify'>,
  clock: Clock,
): Middleware {
  return async function logout(ctx) {
    const { refreshToken, everywhere = false } = ctx.state.body as z.infer<typeof logoutBody>
    await sessions.revoke(refreshTokens.verify(refreshToken).sessionId, everywhere, clock())
    ctx.status = 204
  }
}
