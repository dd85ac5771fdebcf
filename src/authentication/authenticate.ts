import { KoaPassport } from 'koa-passport'
import type { Strategy } from 'passport'
import type { Middleware, SignInHints } from '../context.ts'
import { type ErrorCode, GatewayError } from '../errors.ts'

export type Authenticate = ReturnType<typeof createAuthenticate>

type AuthenticateOptions = {
  /** The name of the provider. */
  provider: string
  /** The member of `ctx.state` that gets the result of the strategy. */
  property: 'user' | 'identity'
  /** The error when the strategy fails the request without a `GatewayError`. */
  refused: ErrorCode
}

/**
 * Creates the step that runs the Passport strategy of a provider. The step puts the result into `ctx.state`. When the
 * strategy redirects, the step ends the request.
 *
 * Strategies are registered by name on a separate Passport object. A strategy passed as an instance would mix up the
 * users of concurrent requests (test/authentication/overlap.test.ts). Without sessions, `passport.initialize()` is not
 * needed, and it costs most of the throughput.
 */
export function createAuthenticate(strategies: ReadonlyMap<string, Strategy>) {
  const passport = new KoaPassport()
  for (const [name, strategy] of strategies) passport.use(name, strategy)

  return function authenticate({ provider, property, refused }: AuthenticateOptions): Middleware {
    const options = { session: false, failWithError: true, authInfo: false, assignProperty: property }
    const run = passport.authenticate(provider, options)
    return async function authenticate(ctx, next) {
      let isAuthenticated = false
      const hints = givenHints(ctx.state.hints)
      try {
        await (hints ? passport.authenticate(provider, { ...options, ...hints }) : run)(ctx, async () => {
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

/** Returns the hints that have a value, which strategies such as Google's read as options; null without any. */
function givenHints(hints: SignInHints = {}): object | null {
  const given = Object.entries(hints).filter(([, value]) => value !== undefined)
  return given.length > 0 ? Object.fromEntries(given) : null
}

/** Returns true for a fault of the provider. `provider_denied` is a normal answer. */
function isProviderFailure({ code }: GatewayError): boolean {
  return code === 'provider_error' || code === 'provider_timeout' || code === 'provider_unavailable'
}

/** Unwraps the `GatewayError` inside an error of Passport or a strategy, or maps the error to one. */
function toGatewayError(error: unknown, refused: ErrorCode): unknown {
  if (error instanceof GatewayError) return error
  if (!(error instanceof Error)) return error
  const { oauthError } = error as { oauthError?: unknown }
  if (oauthError instanceof GatewayError) return oauthError
  if (error.name === 'AuthenticationError') return new GatewayError(refused, { cause: error })
  const isProviders =
    'oauthError' in error || /(OAuth|Token|Authorization|UserInfo|API)Error$/.test(error.name)
  return isProviders || /^Failed to /.test(error.message)
    ? new GatewayError('provider_error', { cause: error })
    : error
}
