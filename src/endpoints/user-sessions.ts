import * as z from 'zod'
import { requireClaims } from '../claims/claims-proxy.ts'
import { withContract } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { GatewayError } from '../errors.ts'
import type { Operation } from '../hasura/run-operation.ts'
import { readQuery } from '../http/query.ts'
import { formatPosition, parsePosition } from '../stores/session-list.ts'
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
      provider: z
        .string()
        .nullable()
        .meta({ description: 'The provider of the sign-in; `local` for a password.', examples: ['github'] }),
      app: z
        .string()
        .nullable()
        .meta({
          description:
            'The origin of the app that the session is for, or of the pages; null when no browser told it.',
          examples: ['https://app.example.com'],
        }),
      createdAt: time.meta({ description: 'The time of the sign-in.' }),
      lastUsedAt: time.meta({ description: 'The time of the last refresh.' }),
      expiresAt: time.meta({ description: 'The end of the session without another refresh.' }),
      current: z.boolean().meta({ description: 'True for the session of this request.', examples: [true] }),
    })
    .meta({ title: 'SessionSummary', description: 'A session of the user.' }),
)

const longestPage = 200
const pageQuery = z.object({
  limit: z
    .string()
    .regex(/^\d{1,3}$/, `must be a whole number from 1 to ${longestPage}`)
    .transform(Number)
    .refine((limit) => limit >= 1 && limit <= longestPage, `must be a whole number from 1 to ${longestPage}`)
    .meta({ description: `The number of sessions, from 1 to ${longestPage}.`, examples: ['50'] })
    .default(50),
  after: z
    .string()
    .transform((text, ctx) => {
      const position = parsePosition(text)
      if (position === null) ctx.addIssue({ code: 'custom', message: 'must be of a header Link' })
      return position
    })
    .meta({ description: 'The position after which the page begins, from the header `Link`.' })
    .default(null),
})

/** GET /user/sessions: lists the sessions of the signed-in user, a page at a time. Throws `validation_failed`. */
export function listSessions({ config, sessionList, clock }: Dependencies, { signedIn }: Transport) {
  return {
    guards: signedIn,
    input: null,
    steps: [
      withContract(
        {
          query: pageQuery,
          answers: {
            200: {
              description: 'The active sessions, a page at a time; the last used session is first.',
              schema: sessionsAnswer,
              headers: { Link: 'The next page, as `<…>; rel="next"` (RFC 8288); absent on the last page.' },
            },
          },
          errors: ['validation_failed', 'database_unavailable'],
        },
        async function listSessions(ctx) {
          const { userId, sessionId } = requireClaims(ctx).access
          const { limit, after } = readQuery(ctx, pageQuery)
          const { sessions, next } = await sessionList.read(userId, clock(), limit, after)
          if (next !== null) {
            const query = new URLSearchParams({ limit: String(limit), after: formatPosition(next) })
            ctx.set('Link', `<${config.publicUrl}/user/sessions?${query}>; rel="next"`)
          }
          ctx.body = sessions.map((session) => ({ ...session, current: session.id === sessionId }))
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
