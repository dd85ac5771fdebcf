import { z } from 'zod'
import { claimed } from '../claims/claims-proxy.ts'
import { type Clock, type Middleware, withContract } from '../context.ts'
import { GatewayError } from '../errors.ts'
import type { Sessions } from '../stores/sessions.ts'
import { id, time } from './schemas.ts'

const sessionPath = z.object({ id: id.meta({ description: 'The id of the session.' }) })

const sessionsAnswer = z.array(
  z
    .strictObject({
      id: id.meta({ description: 'The id of the session.' }),
      userAgent: z
        .string()
        .nullable()
        .meta({ description: 'What the browser calls itself.', examples: ['Mozilla/5.0 …'] }),
      address: z
        .string()
        .nullable()
        .meta({ description: 'Where the sign-in came from.', examples: ['192.0.2.7'] }),
      createdAt: time.meta({ description: 'When the session began.' }),
      lastUsedAt: time.meta({ description: 'When it was last refreshed.' }),
      expiresAt: time.meta({ description: 'When it ends unless it is refreshed.' }),
      current: z
        .boolean()
        .meta({ description: 'Whether it is the session of this request.', examples: [true] }),
    })
    .meta({ title: 'SessionSummary', description: 'Somewhere a user is signed in.' }),
)

/** Lists where the signed-in user is signed in. */
export function createListSessions(sessions: Pick<Sessions, 'list'>, clock: Clock): Middleware {
  return withContract(
    {
      answers: { 200: { description: 'The sessions, the last used first.', schema: sessionsAnswer } },
      errors: ['database_unavailable'],
    },
    async function listSessions(ctx) {
      const { userId, sessionId } = claimed(ctx).access
      const list = await sessions.list(userId, clock())
      ctx.body = list.map((session) => ({ ...session, current: session.id === sessionId }))
    },
  )
}

/** Ends one of the signed-in user's sessions. Throws `not_found`, also for a session of somebody else. */
export function createEndSession(sessions: Pick<Sessions, 'revokeOwn'>, clock: Clock): Middleware {
  return withContract(
    {
      path: sessionPath,
      answers: { 204: { description: 'The session has ended.' } },
      errors: ['not_found', 'database_unavailable'],
    },
    async function endSession(ctx) {
      const { userId } = claimed(ctx).access
      const id = z.guid().safeParse((ctx as { params?: { id?: string } }).params?.id)
      if (!id.success || !(await sessions.revokeOwn(id.data, userId, clock())))
        throw new GatewayError('not_found')
      ctx.state.announce('session.revoked', { sessionId: id.data })
      ctx.status = 204
    },
  )
}
