import type { z } from 'zod'
import { type Clock, type Middleware, withContract } from '../context.ts'
import type { RefreshTransport } from '../sessions/refresh-transport.ts'
import type { Sessions } from '../stores/sessions.ts'
import type { RefreshTokens } from '../tokens/refresh-token.ts'
import type { createLogoutBody } from './schemas.ts'

/** Ends the session of a refresh token, or all sessions of its user. Ending what has ended already is a success. */
export function createLogout(
  sessions: Pick<Sessions, 'revoke'>,
  refreshTokens: Pick<RefreshTokens, 'verify'>,
  transport: Pick<RefreshTransport, 'clear'>,
  clock: Clock,
): Middleware {
  return withContract(
    {
      answers: { 204: { description: 'The session has ended.' } },
      errors: ['invalid_token', 'database_unavailable'],
    },
    async function logout(ctx) {
      const { everywhere = false } = ctx.state.body as z.infer<ReturnType<typeof createLogoutBody>>
      const { sessionId } = refreshTokens.verify(ctx.state.refreshToken ?? '')
      await sessions.revoke(sessionId, everywhere, clock())
      ctx.state.announce('logout', { sessionId, everywhere })
      transport.clear(ctx)
      ctx.status = 204
    },
  )
}
