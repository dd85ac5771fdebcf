import { z } from 'zod'
import { claimed } from '../claims/claims-proxy.ts'
import {
  type Answer,
  type Clock,
  type Context,
  type HasuraClaims,
  type Middleware,
  withContract,
} from '../context.ts'
import { GatewayError } from '../errors.ts'
import { id } from './schemas.ts'

/** What Hasura posts in webhook mode; more members may come with a newer Hasura. */
export const webhookBody = z.looseObject({
  headers: z.record(z.string(), z.string()).meta({
    description: 'The headers of the client, `Authorization` and `X-Hasura-Role` among them, in any case.',
    examples: [{ Authorization: 'Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhNmNkYTdmZiJ9.c2lnbmF0dXJl' }],
  }),
})

/** The headers that the webhook reads, its own on GET. */
export const webhookHeaders = z.object({
  'X-Hasura-Role': z
    .string()
    .meta({ description: 'The role that the client asks for.', examples: ['editor'] })
    .optional(),
})

const webhookAnswer: Answer = {
  description: 'Session variables, all of them strings.',
  schema: z
    .object({
      'X-Hasura-Role': z.string().meta({ description: 'The role of the request.', examples: ['editor'] }),
      'X-Hasura-User-Id': id
        .meta({ description: 'The id of the user; not for an anonymous request.' })
        .optional(),
      'Cache-Control': z
        .string()
        .regex(/^max-age=\d+$/)
        .meta({ description: 'For how long Hasura may keep this answer.', examples: ['max-age=900'] })
        .optional(),
    })
    .catchall(z.string())
    .meta({ title: 'SessionVariables' }),
}

/** The client's headers, as Hasura forwards them: its own on GET, the `headers` map of the body on POST. */
export function forwardedHeader(ctx: Context, name: string): string | undefined {
  if (ctx.method !== 'POST') {
    if (ctx.req.headers[name] === undefined) return undefined
    const text = ctx.get(name)
    // Node reads the bytes of a header as Latin-1; Hasura sends them as the client wrote them, in UTF-8.
    return /[\x80-\xff]/.test(text) ? Buffer.from(text, 'latin1').toString() : text
  }
  const { headers } = ctx.state.body as z.infer<typeof webhookBody>
  const values = Object.entries(headers).filter(([key]) => key.toLowerCase() === name)
  if (values.length > 1) throw new GatewayError('invalid_token', { detail: `The header ${name} comes twice` })
  return values[0]?.[1]
}

/**
 * Answers for a client that sent no credential: the anonymous role, or 401 when the deployment has none. A bad
 * credential never comes here.
 */
export function createAnonymous(anonymousRole: string | null): Middleware {
  return withContract(
    {
      answers: { 200: webhookAnswer },
      errors: ['invalid_token', 'role_denied'],
    },
    async function anonymous(ctx, next) {
      if (forwardedHeader(ctx, 'authorization') !== undefined) return next()
      if (anonymousRole === null) throw new GatewayError('invalid_token', { detail: 'A token is required' })
      ctx.body = { 'X-Hasura-Role': chooseRole(askedRole(ctx), [anonymousRole], anonymousRole) }
    },
  )
}

/**
 * Answers Hasura's webhook mode: session variables, all of them strings, and in the body how long they hold. The role
 * that the client asked for is honoured if the user has it; every other `x-hasura-*` of the client is ignored.
 */
export function createWebhook(clock: Clock): Middleware {
  return withContract(
    { answers: { 200: webhookAnswer }, errors: ['role_denied'] },
    async function webhook(ctx) {
      const remaining = (ctx.state.bearer?.expiresAt ?? 0) - Math.floor(clock().getTime() / 1000)
      ctx.body = createWebhookAnswer(claimed(ctx).claims, askedRole(ctx), remaining)
    },
  )
}

/**
 * The session variables of a user, in the role that is asked for or else their default role, for the seconds that their
 * token has left. Throws `role_denied` when they do not have the role.
 */
export function createWebhookAnswer(
  claims: HasuraClaims,
  asked: string | undefined,
  remaining: number,
): Record<string, string> {
  return {
    ...claims.extra,
    'X-Hasura-User-Id': claims.userId,
    'X-Hasura-Role': chooseRole(asked, claims.allowedRoles, claims.defaultRole),
    'Cache-Control': `max-age=${remaining}`,
  }
}

function askedRole(ctx: Context): string | undefined {
  return forwardedHeader(ctx, 'x-hasura-role')
}

function chooseRole(asked: string | undefined, allowed: readonly string[], defaultRole: string): string {
  const role = asked ?? defaultRole
  if (!allowed.includes(role)) throw new GatewayError('role_denied', { event: 'role.denied' })
  return role
}
