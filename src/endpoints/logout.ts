import * as z from 'zod'
import { requireState, withContract } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import type { Operation } from '../hasura/run-operation.ts'
import { withBody } from '../http/body.ts'
import { createTokenBody, readRefreshToken } from './token.ts'
import type { Transport } from './transport.ts'

/** POST /logout: ends the session of a refresh token, or all sessions of its user, also when it has ended already. */
export function logout({ sessions, refreshTokens, clock }: Dependencies, { refresh }: Transport) {
  const input = createTokenBody(refresh).extend({
    everywhere: z
      .boolean()
      .meta({ examples: [false] })
      .optional(),
  })
  return {
    guards: [],
    input,
    steps: [
      readRefreshToken(input, refresh),
      withContract(
        {
          answers: { 204: { description: 'The session has ended.' } },
          errors: ['invalid_token', 'database_unavailable'],
        },
        withBody(input, async function logout(ctx, { everywhere = false }) {
          const { sessionId } = refreshTokens.verify(requireState(ctx, 'refreshToken'))
          await sessions.revoke(sessionId, everywhere, clock())
          ctx.state.announce('logout', { sessionId, everywhere })
          refresh.clear(ctx)
          ctx.status = 204
        }),
      ),
    ],
  } satisfies Operation
}
