import { z } from 'zod'
import type { Clock, Context, Middleware } from '../context.ts'
import { GatewayError } from '../errors.ts'
import { claimed } from './claimed.ts'

/** What Hasura posts in webhook mode; more members may come with a newer Hasura. */
export const webhookBody = z.looseObject({ headers: z.record(z.string(), z.string()) })

/** The client's headers, as Hasura forwards them: its own on GET, the `headers` map of the body on POST. */
export function forwardedHeader(ctx: Context, name: string): string | undefined {
  if (ctx.method !== 'POST') return ctx.req.headers[name] === undefined ? undefined : ctx.get(name)
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
  return async function anonymous(ctx, next) {
    if (forwardedHeader(ctx, 'authorization') !== undefined) return next()
    if (anonymousRole === null) throw new GatewayError('invalid_token', { detail: 'A token is required' })
    ctx.body = { 'X-Hasura-Role': chooseRole(ctx, [anonymousRole], anonymousRole) }
  }
}

/**
 * Answers Hasura's webhook mode: session variables, all of them strings, and in the body how long they hold. The role
 * that the client asked for is honoured if the user has it; every other `x-hasura-*` of the client is ignored.
 */
export function createWebhook(clock: Clock): Middleware {
  return async function webhook(ctx) {
    const { claims } = claimed(ctx)
    const role = chooseRole(ctx, claims.allowedRoles, claims.defaultRole)
    const remaining = (ctx.state.bearer?.expiresAt ?? 0) - Math.floor(clock().getTime() / 1000)
    ctx.body = {
      ...claims.extra,
      'X-Hasura-User-Id': claims.userId,
      'X-Hasura-Role': role,
      'Cache-Control': `max-age=${remaining}`,
    }
  }
}

function chooseRole(ctx: Context, allowed: readonly string[], defaultRole: string): string {
  const asked = forwardedHeader(ctx, 'x-hasura-role') ?? defaultRole
  if (!allowed.includes(asked)) throw new GatewayError('role_denied')
  return asked
}
