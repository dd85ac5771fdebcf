import type { Strategy } from 'passport'
import type { Logger } from 'pino'
import { environmentPrefix, type ProviderSettings } from '../config/providers.ts'
import type { Clock } from '../context.ts'
import { ConfigError } from '../errors.ts'
import { createOAuthStrategy } from './oauth-strategy.ts'
import { createOpenIdStrategy } from './openid-strategy.ts'
import {
  isOpenId,
  metadataIssuerOf,
  type OAuthProvider,
  type OpenIdProvider,
  type Provider,
  type RedirectProvider,
  type VerifyPassword,
  type VerifyProfile,
} from './provider.ts'
import type { ProviderRequest, TransportSettings } from './provider-transport.ts'
import type { RelyingParty, RelyingPartyOptions } from './relying-party.ts'
import type { StateCookie } from './state-cookie.ts'

/** The settings of all strategies of one deployment. */
export type StrategySettings = {
  publicUrl: string
  /** The settings of each configured provider, by its name. */
  providers: ReadonlyMap<string, ProviderSettings>
  transport: TransportSettings
  clock: Clock
  log: Logger
  /** Measures the requests to providers. */
  instrumentRequest: InstrumentRequest
  verifyPassword: VerifyPassword
  verifyProfile(provider: Pick<OAuthProvider, 'name' | 'identity'>): VerifyProfile
  stateCookie: Pick<StateCookie, 'store' | 'begin'>
}

/**
 * Returns the redirect providers that have a client id, with the labels and issuers of the environment. A provider
 * without a file is an OpenID provider.
 */
export function configuredProviders(
  providers: readonly Provider[],
  settings: ReadonlyMap<string, ProviderSettings>,
): RedirectProvider[] {
  const files = new Map(providers.map((provider) => [provider.name, provider]))
  return [...settings].map(([name, { label, issuer = '' }]) => {
    const file = files.get(name)
    if (file?.flow !== 'redirect') return createOpenIdProvider(name, { label, issuer })
    const own = label === undefined ? file : { ...file, label }
    return isOpenId(own) && issuer !== '' ? { ...own, issuer } : own
  })
}

/** Returns all providers by name, configured or not: those of the files, and OpenID providers without a file. */
export function allProviders(
  providers: readonly Provider[],
  settings: ReadonlyMap<string, ProviderSettings>,
): Provider[] {
  const configured = configuredProviders(providers, settings)
  const others = providers.filter(({ name }) => !configured.some((provider) => provider.name === name))
  return [...others, ...configured].sort((one, other) => (one.name < other.name ? -1 : 1))
}

/** Creates the provider of an issuer without a file. `acme-corp` has the label `Acme Corp` by default. */
function createOpenIdProvider(
  name: string,
  { label, issuer }: { label: string | undefined; issuer: string },
): OpenIdProvider {
  const words = name.split('-').map((word) => word.charAt(0).toUpperCase() + word.slice(1))
  const scope = ['openid', 'profile', 'email']
  return { name, flow: 'redirect', label: label ?? words.join(' '), scope, issuer }
}

/** Returns the required `iss` of a provider's callback; undefined for an unknown issuer. */
export function issuerOf(
  provider: RedirectProvider,
  settings: ReadonlyMap<string, ProviderSettings>,
): string | undefined {
  const { name, issuer } = provider
  const set = settings.get(name)
  // Each tenant has an issuer of its own.
  if (isOpenId(provider) && metadataIssuerOf(provider) !== provider.issuer) return undefined
  // Endpoints of the environment belong to another issuer.
  return set?.issuer ?? (set?.authorizationUrl === undefined ? issuer : undefined)
}

/** Returns the absolute URL to register at a provider. It never depends on the Host header of a request. */
export function callbackUrl(publicUrl: string, provider: string): string {
  return `${publicUrl}/auth/${provider}/callback`
}

/**
 * Creates a strategy for each password provider and each configured redirect provider, by name, the client of each OpenID
 * provider, and a function for each provider that signs ID tokens, which returns the client that checks them. Throws for a file whose strategy the gateway cannot use.
 */
export async function createStrategies(
  providers: readonly Provider[],
  settings: StrategySettings,
): Promise<{
  strategies: Map<string, Strategy>
  relyingParties: Map<string, RelyingParty>
  idTokenParties: Map<string, () => Promise<RelyingParty>>
}> {
  const strategies = new Map<string, Strategy>()
  const relyingParties = new Map<string, RelyingParty>()
  const idTokenParties = new Map<string, () => Promise<RelyingParty>>()
  for (const provider of providers) {
    if (provider.flow === 'password')
      strategies.set(provider.name, provider.strategy(settings.verifyPassword))
  }
  for (const provider of configuredProviders(providers, settings.providers)) {
    const { name } = provider
    const callback = callbackUrl(settings.publicUrl, name)
    const own = {
      ...settings,
      settings: settings.providers.get(name) as ProviderSettings,
      callbackUrl: callback,
      transport: transportFor(name, settings),
    }
    if (isOpenId(provider)) {
      const prefix = environmentPrefix(name)
      if (own.settings.roles && metadataIssuerOf(provider) !== provider.issuer)
        throw new ConfigError([
          `${prefix}_ROLES_CLAIM requires ${prefix}_ISSUER to be the issuer of one tenant: every tenant names its groups and roles as it likes`,
        ])
      const relyingParty = await loadRelyingParty({ ...own, provider })
      relyingParties.set(name, relyingParty)
      idTokenParties.set(name, async () => relyingParty)
      strategies.set(name, createOpenIdStrategy({ ...own, relyingParty }))
    } else {
      const store = settings.stateCookie.store(name, callback)
      strategies.set(name, createOAuthStrategy({ ...own, provider, store }))
      const issuer = issuerOf(provider, settings.providers)
      const { label, flow, scope, idTokens } = provider
      if (!idTokens || issuer === undefined) continue
      let party: Promise<RelyingParty> | undefined
      idTokenParties.set(name, () => {
        party ??= loadRelyingParty({ ...own, provider: { name, label, flow, scope, issuer } })
        return party
      })
    }
  }
  return { strategies, relyingParties, idTokenParties }
}

/** Creates the client of an OpenID provider. Its packages are loaded only when there is one. */
async function loadRelyingParty(options: RelyingPartyOptions): Promise<RelyingParty> {
  const { createRelyingParty } = await import('./relying-party.ts')
  return createRelyingParty(options)
}

/** Returns the transport of one provider, whose requests are measured. */
function transportFor(
  provider: string,
  { transport, instrumentRequest }: Pick<StrategySettings, 'transport' | 'instrumentRequest'>,
): TransportSettings {
  return { ...transport, instrument: (request, work) => instrumentRequest(provider, request, work) }
}

/** Runs a request to a provider and measures it. Returns, or throws, the outcome of `work`. */
export type InstrumentRequest = <T>(
  provider: string,
  request: ProviderRequest,
  work: () => Promise<T>,
) => Promise<T>

/** Composes instrumentations, the first as the outermost; undefined ones are left out. */
export function composeInstrumentation(...all: (InstrumentRequest | undefined)[]): InstrumentRequest {
  const [outer, ...others] = all.filter((each) => each !== undefined)
  if (!outer) return (_provider, _request, work) => work()
  const inner = composeInstrumentation(...others)
  return (provider, request, work) => outer(provider, request, () => inner(provider, request, work))
}
