import type { Strategy } from 'passport'
import type { StateStore as OAuth2StateStore } from 'passport-oauth2'
import type { Logger } from 'pino'
import type { ProviderSettings } from '../config/providers.ts'
import type {
  PasswordProvider,
  Provider,
  RedirectProvider,
  StateStore,
  VerifyPassword,
  VerifyProfile,
} from './provider.ts'
import { hardenTransport, type TransportSettings } from './provider-transport.ts'

/** The settings of all strategies of one deployment. */
export type StrategySettings = {
  publicUrl: string
  /** The settings of each configured provider, by its name. */
  providers: ReadonlyMap<string, ProviderSettings>
  transport: TransportSettings
  log: Logger
  /** Measures the requests to providers. */
  instrumentRequest: InstrumentRequest
  verifyPassword: VerifyPassword
  verifyProfile(provider: RedirectProvider): VerifyProfile
  store(provider: string, callbackUrl: string): StateStore
}

/** Returns the redirect providers that have a client id and secret. */
export function configuredProviders(
  providers: readonly Provider[],
  settings: ReadonlyMap<string, ProviderSettings>,
): RedirectProvider[] {
  return providers.filter((provider) => provider.flow === 'redirect').filter(({ name }) => settings.has(name))
}

/** Returns the password provider, for `POST /login`. Throws unless there is exactly one. */
export function findPasswordProvider(providers: readonly Provider[]): PasswordProvider {
  const [found, ...others] = providers.filter((provider) => provider.flow === 'password')
  if (found === undefined)
    throw new Error("providers/ has no file with flow: 'password'. Add one, because POST /login requires it")
  if (others.length > 0) {
    const names = [found, ...others].map(({ name }) => name).join(', ')
    throw new Error(
      `providers/ has several files with flow: 'password': ${names}. Keep one, because POST /login uses only one`,
    )
  }
  return found
}

/** Returns the required `iss` of a provider's callback; undefined for an unknown issuer. */
export function issuerOf(
  { name, issuer }: RedirectProvider,
  settings: ReadonlyMap<string, ProviderSettings>,
): string | undefined {
  const set = settings.get(name)
  // Endpoints of the environment belong to another issuer.
  return set?.issuer ?? (set?.authorizationUrl === undefined ? issuer : undefined)
}

/** Returns the absolute URL to register at a provider. It never depends on the Host header of a request. */
export function callbackUrl(publicUrl: string, provider: string): string {
  return `${publicUrl}/auth/${provider}/callback`
}

/** Creates a strategy for each password provider and each configured redirect provider, by name. */
export function createStrategies(
  providers: readonly Provider[],
  settings: StrategySettings,
): Map<string, Strategy> {
  const strategies = new Map<string, Strategy>()
  for (const provider of providers) {
    if (provider.flow === 'password')
      strategies.set(provider.name, provider.strategy(settings.verifyPassword))
  }
  for (const provider of configuredProviders(providers, settings.providers)) {
    strategies.set(provider.name, createRedirectStrategy(provider, settings))
  }
  return strategies
}

function createRedirectStrategy(provider: RedirectProvider, settings: StrategySettings): Strategy {
  const { clientId, clientSecret, scope, ...urls } = settings.providers.get(provider.name) as ProviderSettings
  const callbackURL = callbackUrl(settings.publicUrl, provider.name)
  const strategy = provider.strategy(
    {
      clientID: clientId,
      clientSecret,
      callbackURL,
      scope: scope ?? provider.scope,
      store: settings.store(provider.name, callbackURL) as unknown as OAuth2StateStore,
      pkce: true,
      endpoints: {
        ...(urls.authorizationUrl && { authorizationURL: urls.authorizationUrl }),
        ...(urls.tokenUrl && { tokenURL: urls.tokenUrl }),
        ...(urls.profileUrl && { profileURL: urls.profileUrl }),
        ...(urls.emailsUrl && { emailsURL: urls.emailsUrl }),
      },
      reportOptional: (err) =>
        settings.log.warn({ provider: provider.name, err }, 'the sign-in goes on without an optional answer'),
    },
    settings.verifyProfile(provider),
  )
  hardenTransport(strategy, {
    ...settings.transport,
    instrument: (request, work) => settings.instrumentRequest(provider.name, request, work),
  })
  return strategy
}

/** Runs a request to a provider and measures it. Returns, or throws, the outcome of `work`. */
export type InstrumentRequest = <T>(
  provider: string,
  request: 'token' | 'profile',
  work: () => Promise<T>,
) => Promise<T>

/** Composes instrumentations, the first as the outermost; undefined ones are left out. */
export function composeInstrumentation(...all: (InstrumentRequest | undefined)[]): InstrumentRequest {
  const [outer, ...others] = all.filter((each) => each !== undefined)
  if (!outer) return (_provider, _request, work) => work()
  const inner = composeInstrumentation(...others)
  return (provider, request, work) => outer(provider, request, () => inner(provider, request, work))
}
