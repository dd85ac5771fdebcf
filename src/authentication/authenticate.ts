import { KoaPassport } from 'koa-passport'
import type { Strategy } from 'passport'
import type { Middleware } from '../context.ts'
import { type ErrorCode, GatewayError } from '../errors.ts'

export type Authenticate = ReturnType<typeof createAuthenticate>

type AuthenticateOptions = {
  /** The name of the provider. */
  provider: string
  /** The member of `ctx.state` that gets the result of the strategy. */
  property: 'user' | 'identity'
  /** The error when the strategy refuses without one of our errors. */
  refused: ErrorCode
}

/**
 * Passport as a step of a route. It runs the strategy of a provider and puts the result into `ctx.state`, or lets the
 * strategy redirect and ends there.
 *
 * Strategies are registered by name on a Passport of our own: given as an instance, one request would see the user of
 * another (test/authentication/overlap.test.ts). `passport.initialize()` is not needed without sessions, and costs most of the
 * throughput.
 */
export function createAuthenticate(strategies: ReadonlyMap<string, Strategy>) {
  const passport = new KoaPassport()
  for (const [name, strategy] of strategies) passport.use(name, strategy)

  return function authenticate({ provider, property, refused }: AuthenticateOptions): Middleware {
    const options = { session: false, failWithError: true, authInfo: false, assignProperty: property }
    const run = passport.authenticate(provider, options)
    return async function authenticate(ctx, next) {
      let isAuthenticated = false
      try {
        await run(ctx, async () => {
          isAuthenticated = true
        })
      } catch (error) {
        const known = toGatewayError(error, refused)
        if (known instanceof GatewayError && isProviderFailure(known))
          ctx.state.announce('provider.failed', { provider, code: known.code })
        throw known
      }
      if (isAuthenticated) await next()
    }
  }
}

/** Not `provider_denied`: to refuse somebody is what a provider is for. */
function isProviderFailure({ code }: GatewayError): boolean {
  return code === 'provider_error' || code === 'provider_timeout'
}

/** Finds our own error in whatever Passport and its strategies wrapped around it. */
function toGatewayError(error: unknown, refused: ErrorCode): unknown {
  if (error instanceof GatewayError) return error
  if (!(error instanceof Error)) return error
  const { oauthError } = error as { oauthError?: unknown }
  if (oauthError instanceof GatewayError) return oauthError
  if (error.name === 'AuthenticationError') return new GatewayError(refused, { cause: error })
  const isProviders =
    'oauthError' in error ||
    /^(InternalOAuth|Token|Authorization|UserInfo|GooglePlusAPI)Error$/.test(error.name)
  return isProviders || /^Failed to /.test(error.message)
    ? new GatewayError('provider_error', { cause: error })
    : error
}
