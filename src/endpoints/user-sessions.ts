import { z } from 'zod'
import type { Clock, Middleware } from '../context.ts'
import type { Sessions } from '../database/sessions.ts'
import { GatewayError } from '../errors.ts'
import { claimed } from './claimed.ts'

/** Lists where the signed-in user is signed in. */
export function createListSessions(sessions: Pick<Sessions, 'list'>, clock: Clock): Middleware {
  return async function listSessions(ctx) {
    const { userId, sessionId } = claimed(ctx).access
    const list = await sessions.list(userId, clock())
    ctx.body = list.map((session) => ({ ...session, current: session.id === sessionId }))
  }
}

/** Ends one of the signed-in user's sessions. Throws `not_found`, also for a session of somebody else. */
export function createEndSession(sessions: Pick<Sessions, 'revokeOwn'>, clock: Clock): Middleware {
  return async function endSession(ctx) {
    const { userId } = claimed(ctx).access
    const id = z.guid().safeParse((ctx as { params?: { id?: string } }).params?.id)
    if (!id.success || !(await sessions.revokeOwn(id.data, userId, clock())))
      throw new GatewayError('not_found')
    ctx.state.announce('session.revoked', { sessionId: id.data })
    ctx.status = 204
  }
}
