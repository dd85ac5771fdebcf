import type { Strategy } from 'passport'
import type { StateStore as OAuth2StateStore } from 'passport-oauth2'
import type { Logger } from 'pino'
import { environmentPrefix, type ProviderSettings } from '../config/providers.ts'
import { createEndpointsStrategy } from './endpoints-strategy.ts'
import type { OAuthProvider, StateStore, StrategyProvider, VerifyProfile } from './provider.ts'
import { hardenTransport, type TransportSettings } from './provider-transport.ts'

type OAuthStrategyOptions = {
  provider: OAuthProvider
  settings: ProviderSettings
  /** Absolute, from AUTH_PUBLIC_URL. */
  callbackUrl: string
  store: StateStore
  transport: TransportSettings
  log: Logger
  verifyProfile(provider: Pick<OAuthProvider, 'name' | 'identity'>): VerifyProfile
}

/** The parts of passport-oauth2 that every strategy on it has, and that tell whether it got all options. */
type OAuth2Strategy = Strategy & {
  _stateStore: unknown
  _pkceMethod: unknown
  _callbackURL: unknown
  authorizationParams(options: object): object
}

/** Creates the strategy of a provider file. Throws for a strategy that the gateway cannot use. */
export function createOAuthStrategy(options: OAuthStrategyOptions): Strategy {
  const { provider, settings, callbackUrl: callbackURL, log } = options
  const { clientId, clientSecret = '', scope, parameters, ...urls } = settings
  const store = options.store as unknown as OAuth2StateStore
  const strategy = construct(
    provider,
    {
      clientID: clientId,
      clientSecret,
      callbackURL,
      scope: scope ?? provider.scope,
      store,
      pkce: true,
      endpoints: {
        ...(urls.authorizationUrl && { authorizationURL: urls.authorizationUrl }),
        ...(urls.tokenUrl && { tokenURL: urls.tokenUrl }),
        ...(urls.profileUrl && { profileURL: urls.profileUrl }),
        ...(urls.emailsUrl && { emailsURL: urls.emailsUrl }),
      },
      reportOptional: (err) =>
        log.warn({ provider: provider.name, err }, 'the sign-in goes on without an optional answer'),
    },
    options.verifyProfile(provider),
  )
  requireOAuth2(strategy, provider.name)
  requireOptions(strategy, provider.name, { store, callbackURL })
  if (parameters) addParameters(strategy, parameters)
  hardenTransport(strategy, options.transport)
  return strategy
}

/** Creates the strategy of a provider file. Errors of its function name the file. */
function construct(provider: OAuthProvider, ...args: Parameters<StrategyProvider['strategy']>): unknown {
  if (provider.endpoints !== undefined) return createEndpointsStrategy(provider.endpoints, ...args)
  try {
    return provider.strategy(...args)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`providers/${provider.name} cannot be used: ${reason}`, { cause })
  }
}

/**
 * Throws for a strategy that is not on passport-oauth2. Others have state stores of another form, or requests without
 * limits: they would start, and end every sign-in in `invalid_state`.
 */
function requireOAuth2(strategy: unknown, name: string): asserts strategy is OAuth2Strategy {
  const members = { ...(strategy as object) } as Record<string, unknown>
  const has = (method: string) => typeof (strategy as Record<string, unknown> | null)?.[method] === 'function'
  if (members._oauth2 && ['authorizationParams', 'tokenParams', '_loadUserProfile'].every(has)) {
    if (!('_issuer' in members)) return
  }
  const prefix = environmentPrefix(name)
  const [kind, cure] =
    '_issuer' in members
      ? [
          'speaks OpenID Connect itself',
          `Remove the file, and set ${prefix}_ISSUER: the gateway has a strategy for OpenID providers`,
        ]
      : [
          '_oauth' in members
            ? 'speaks OAuth 1'
            : has('authenticate')
              ? 'is not on passport-oauth2'
              : 'has no method authenticate',
          'Use a strategy on passport-oauth2',
        ]
  throw new Error(`providers/${name} cannot be used, because its strategy ${kind}. ${cure}`)
}

/** Throws for a strategy without the state store, PKCE or the callback URL of the gateway. */
function requireOptions(
  strategy: OAuth2Strategy,
  name: string,
  { store, callbackURL }: { store: unknown; callbackURL: string },
): void {
  const missing = Object.entries({
    store: strategy._stateStore === store,
    pkce: strategy._pkceMethod === 'S256',
    callbackURL: strategy._callbackURL === callbackURL,
  }).flatMap(([option, isGiven]) => (isGiven ? [] : [option]))
  if (missing.length > 0)
    throw new Error(
      `providers/${name} cannot be used, because its strategy did not get ${missing.join(', ')}. Pass all of options to the strategy`,
    )
}

/** Adds parameters to each authorization request of a strategy; its own parameters take precedence. */
function addParameters(strategy: OAuth2Strategy, parameters: Readonly<Record<string, string>>): void {
  const own = strategy.authorizationParams.bind(strategy)
  strategy.authorizationParams = (options) => ({ ...parameters, ...own(options) })
}
