import type { Strategy } from 'passport'
import type { StateStore as OAuth2StateStore } from 'passport-oauth2'
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

/** What the strategies of one deployment are made with. */
export type StrategySettings = {
  publicUrl: string
  settings: ReadonlyMap<string, ProviderSettings>
  transport: TransportSettings
  /** Watches the requests to providers. */
  around: AroundProvider
  verifyPassword: VerifyPassword
  verifyProfile(provider: RedirectProvider): VerifyProfile
  store(provider: string, callbackUrl: string): StateStore
}

/** The redirect providers that have a client id and secret. */
export function configuredProviders(
  providers: readonly Provider[],
  settings: ReadonlyMap<string, ProviderSettings>,
): RedirectProvider[] {
  return providers.filter((provider) => provider.flow === 'redirect').filter(({ name }) => settings.has(name))
}

/** The provider that `POST /login` asks. Throws unless there is exactly one. */
export function passwordProvider(providers: readonly Provider[]): PasswordProvider {
  const [found, ...others] = providers.filter((provider) => provider.flow === 'password')
  if (found === undefined)
    throw new Error("providers/ has no file with flow: 'password', which POST /login would ask")
  if (others.length > 0) {
    const names = [found, ...others].map(({ name }) => name).join(', ')
    throw new Error(`providers/ has several files with flow: 'password', but POST /login asks one: ${names}`)
  }
  return found
}

/** What `iss` must be when people come back from a provider; undefined where that is not known. */
export function issuerOf(
  { name, issuer }: RedirectProvider,
  settings: ReadonlyMap<string, ProviderSettings>,
): string | undefined {
  const set = settings.get(name)
  // Somebody who puts other endpoints in place speaks to another issuer.
  return set?.issuer ?? (set?.authorizationUrl === undefined ? issuer : undefined)
}

/** The absolute URL to register at a provider. Never made from a request: a Host header would choose it. */
export function callbackUrl(publicUrl: string, provider: string): string {
  return `${publicUrl}/auth/${provider}/callback`
}

/** One strategy for each password provider and each configured redirect provider, by name. */
export function createStrategies(
  providers: readonly Provider[],
  house: StrategySettings,
): Map<string, Strategy> {
  const strategies = new Map<string, Strategy>()
  for (const provider of providers) {
    if (provider.flow === 'password') strategies.set(provider.name, provider.strategy(house.verifyPassword))
  }
  for (const provider of configuredProviders(providers, house.settings)) {
    strategies.set(provider.name, createRedirectStrategy(provider, house))
  }
  return strategies
}

function createRedirectStrategy(provider: RedirectProvider, house: StrategySettings): Strategy {
  const settings = house.settings.get(provider.name) as ProviderSettings
  const callbackURL = callbackUrl(house.publicUrl, provider.name)
  const strategy = provider.strategy(
    {
      clientID: settings.clientId,
      clientSecret: settings.clientSecret,
      callbackURL,
      scope: settings.scope ?? provider.scope,
      store: house.store(provider.name, callbackURL) as unknown as OAuth2StateStore,
      pkce: true,
      endpoints: {
        ...(settings.authorizationUrl && { authorizationURL: settings.authorizationUrl }),
        ...(settings.tokenUrl && { tokenURL: settings.tokenUrl }),
        ...(settings.profileUrl && { profileURL: settings.profileUrl }),
        ...(settings.emailsUrl && { emailsURL: settings.emailsUrl }),
      },
    },
    house.verifyProfile(provider),
  )
  hardenTransport(strategy, {
    ...house.transport,
    around: (request, work) => house.around(provider.name, request, work),
  })
  return strategy
}

/** Runs a request to a provider and watches how it goes. It answers, or throws, what the work does. */
export type AroundProvider = <T>(
  provider: string,
  request: 'token' | 'profile',
  work: () => Promise<T>,
) => Promise<T>

/** All of these who are there, one around the other. */
export function nest(...around: (AroundProvider | undefined)[]): AroundProvider {
  const [outer, ...others] = around.filter((each) => each !== undefined)
  if (!outer) return (_provider, _request, work) => work()
  const inner = nest(...others)
  return (provider, request, work) => outer(provider, request, () => inner(provider, request, work))
}
