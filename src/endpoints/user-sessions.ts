import { z } from 'zod'
import { requireClaims } from '../claims/claims-proxy.ts'
import { withContract } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { GatewayError } from '../errors.ts'
import type { Operation } from '../hasura/run-operation.ts'
import { id, time } from './schemas.ts'
import type { Transport } from './transport.ts'

const sessionPath = z.object({ id: id.meta({ description: 'The id of the session.' }) })

const sessionsAnswer = z.array(
  z
    .strictObject({
      id: id.meta({ description: 'The id of the session.' }),
      userAgent: z
        .string()
        .nullable()
        .meta({ description: 'The header User-Agent of the sign-in.', examples: ['Mozilla/5.0 …'] }),
      address: z
        .string()
        .nullable()
        .meta({ description: 'The network address of the sign-in.', examples: ['192.0.2.7'] }),
      createdAt: time.meta({ description: 'The time of the sign-in.' }),
      lastUsedAt: time.meta({ description: 'The time of the last refresh.' }),
      expiresAt: time.meta({ description: 'The end of the session without another refresh.' }),
      current: z.boolean().meta({ description: 'True for the session of this request.', examples: [true] }),
    })
    .meta({ title: 'SessionSummary', description: 'A session of the user.' }),
)

/** GET /user/sessions: lists the sessions of the signed-in user. */
export function listSessions({ sessions, clock }: Dependencies, { signedIn }: Transport) {
  return {
    guards: signedIn,
    input: null,
    steps: [
      withContract(
        {
          answers: {
            200: {
              description: 'The active sessions; the last used session is first.',
              schema: sessionsAnswer,
            },
          },
          errors: ['database_unavailable'],
        },
        async function listSessions(ctx) {
          const { userId, sessionId } = requireClaims(ctx).access
          const list = await sessions.list(userId, clock())
          ctx.body = list.map((session) => ({ ...session, current: session.id === sessionId }))
        },
      ),
    ],
  } satisfies Operation
}

/** DELETE /user/sessions/:id: ends a session of the signed-in user. Throws `not_found`, also for a session of another user. */
export function endSession({ sessions, clock }: Dependencies, { signedIn }: Transport) {
  return {
    guards: signedIn,
    input: null,
    steps: [
      withContract(
        {
          path: sessionPath,
          answers: { 204: { description: 'The session has ended.' } },
          errors: ['not_found', 'database_unavailable'],
        },
        async function endSession(ctx) {
          const { userId } = requireClaims(ctx).access
          const id = z.guid().safeParse(ctx.params?.id)
          if (!id.success || !(await sessions.revokeOwn(id.data, userId, clock())))
            throw new GatewayError('not_found', { detail: 'The user has no active session with this id.' })
          ctx.state.announce('session.revoked', { sessionId: id.data })
          ctx.status = 204
        },
      ),
    ],
  } satisfies Operation
}
