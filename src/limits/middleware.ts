import { type Context, type Middleware, withContract } from '../context.ts'
import { GatewayError } from '../errors.ts'
import type { DeviceCookie } from './device-cookie.ts'
import type { Limits } from './limits.ts'

type GuessLimitOptions = {
  /** Null when the limits are switched off. */
  limits: Pick<Limits, 'login'> | null
  /** Null when the limits are switched off. */
  devices: Pick<DeviceCookie, 'read'> | null
  /** Returns the name of the user whose password the request may guess. */
  usernameOf: (ctx: Context) => string
}

/**
 * Counts the rest of the route as an attempt to guess a password. Only `invalid_credentials` keeps the attempt counted.
 * Throws `rate_limited`, also for the right password. A browser from which the user has signed in before has a counter of
 * its own.
 */
export function guessLimit({ limits, devices, usernameOf }: GuessLimitOptions): Middleware {
  if (limits === null) return noLimit
  return withContract(
    { errors: ['rate_limited', 'database_unavailable'] },
    async function guessLimit(ctx, next) {
      const username = usernameOf(ctx)
      const attempt = await limits.login(username, ctx.state.address, devices?.read(ctx, username))
      if (attempt.credentials !== undefined) ctx.state.credentials = { username, user: attempt.credentials }
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

type AddressLimitOptions = {
  /** Null when the limits are switched off. */
  limits: Limits | null
  /** The limit that counts the request. */
  name: 'signup' | 'refresh' | 'callback'
}

/** Counts the request for its address. Throws `rate_limited`. */
export function addressLimit({ limits, name }: AddressLimitOptions): Middleware {
  if (limits === null) return noLimit
  return withContract(
    { errors: ['rate_limited', 'database_unavailable'] },
    async function addressLimit(ctx, next) {
      await limits[name](ctx.state.address)
      await next()
    },
  )
}

/**
 * Counts the rest of the route for its address unless it succeeds: a provider sends the requests of all users from one
 * address. Throws `rate_limited`.
 */
export function rejectionLimit({ limits }: { limits: Pick<Limits, 'rejected'> | null }): Middleware {
  if (limits === null) return noLimit
  return withContract({ errors: ['rate_limited'] }, async function rejectionLimit(ctx, next) {
    const takeBack = await limits.rejected(ctx.state.address)
    try {
      await next()
    } catch (error) {
      const isRejection = error instanceof GatewayError && error.status < 500
      if (!isRejection) await takeBack()
      throw error
    }
    await takeBack()
  })
}

type ContinueLimitOptions = {
  /** Null when the limits are switched off. */
  limits: Pick<Limits, 'continue'> | null
  /** Returns the id of the signed-in user. */
  userIdOf: (ctx: Context) => string
}

/** Counts the request for its user, because it begins a session without the work of a sign-in. Throws `rate_limited`. */
export function continueLimit({ limits, userIdOf }: ContinueLimitOptions): Middleware {
  if (limits === null) return noLimit
  return withContract(
    { errors: ['rate_limited', 'database_unavailable'] },
    async function continueLimit(ctx, next) {
      await limits.continue(userIdOf(ctx))
      await next()
    },
  )
}

const noLimit: Middleware = (_ctx, next) => next()
