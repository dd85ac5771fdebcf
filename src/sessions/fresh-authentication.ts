import { type Clock, type Context, type Middleware, requireState, withContract } from '../context.ts'
import { GatewayError } from '../errors.ts'

export type FreshOptions = {
  /** `freshSeconds`: the greatest age of the last authentication, in seconds. */
  config: { freshSeconds: number }
  clock: Clock
}

/**
 * Returns true when the last authentication of the user is recent. The access token of the request counts and not its
 * session, so a stolen token gains nothing from a later step-up of its owner.
 */
export function isFresh(ctx: Context, { config, clock }: FreshOptions): boolean {
  const authTime = ctx.state.bearer?.authTime ?? requireState(ctx, 'access').authTime.getTime() / 1000
  return clock().getTime() / 1000 - authTime <= config.freshSeconds
}

/** Throws `fresh_authentication_required` when the last authentication of the user is too old. */
export function requireFresh(ctx: Context, options: FreshOptions): void {
  if (!isFresh(ctx, options))
    throw new GatewayError('fresh_authentication_required', { event: 'stepup.required' })
}

/** Passes on only with a fresh authentication. Throws `fresh_authentication_required`. */
export function freshAuthentication(options: FreshOptions): Middleware {
  return withContract(
    { errors: ['fresh_authentication_required'] },
    async function freshAuthentication(ctx, next) {
      requireFresh(ctx, options)
      await next()
    },
  )
}
