import { type Context, type Middleware, withContract } from '../context.ts'
import { GatewayError } from '../errors.ts'
import type { Limits } from './limits.ts'

/**
 * Counts the rest of the route as an attempt to guess the password of `usernameOf`: it stays counted when it ends in
 * `invalid_credentials`, and is forgotten otherwise. Throws `rate_limited`, also for the right password.
 */
function createGuessLimit(limits: Pick<Limits, 'login'>, usernameOf: (ctx: Context) => string): Middleware {
  return withContract(
    { errors: ['rate_limited', 'database_unavailable'] },
    async function guessLimit(ctx, next) {
      const attempt = await limits.login(usernameOf(ctx), ctx.state.address)
      try {
        await next()
      } catch (error) {
        const isGuess = error instanceof GatewayError && error.code === 'invalid_credentials'
        if (!isGuess) await attempt.cancelled()
        throw error
      }
      await attempt.succeeded()
    },
  )
}

/** Counts the request for its address. Throws `rate_limited`. */
function createAddressLimit(limit: (address: string) => Promise<void>): Middleware {
  return withContract(
    { errors: ['rate_limited', 'database_unavailable'] },
    async function addressLimit(ctx, next) {
      await limit(ctx.state.address)
      await next()
    },
  )
}

/** The limits as steps, each the beginning of a route; none of them when there are no limits. */
export function createLimitSteps(limits: Limits | null) {
  if (limits === null) return { signup: [], login: [], password: [], refresh: [], callback: [] }
  return {
    signup: [createAddressLimit(limits.signup)],
    login: [createGuessLimit(limits, (ctx) => (ctx.state.body as { username: string }).username)],
    password: [createGuessLimit(limits, (ctx) => ctx.state.access?.username ?? '')],
    refresh: [createAddressLimit(limits.refresh)],
    callback: [createAddressLimit(limits.callback)],
  }
}
