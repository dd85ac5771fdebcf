import type { Strategy } from 'passport'
import type { StateStore as OAuth2StateStore } from 'passport-oauth2'
import type { ProfileIdentity, ProviderProfile } from '../context.ts'

/** The options that the gateway passes to the strategy of a redirect provider. */
export type RedirectOptions = {
  clientID: string
  clientSecret: string
  /** Absolute, from AUTH_PUBLIC_URL. */
  callbackURL: string
  scope: string[]
  store: OAuth2StateStore
  pkce: true
  /** The endpoints of the environment, which replace the strategy's endpoints. */
  endpoints: { authorizationURL?: string; tokenURL?: string; profileURL?: string; emailsURL?: string }
  /** Logs the failure of a request without which the sign-in goes on. */
  reportOptional(cause: unknown): void
}

/**
 * The state store of Passport's OAuth strategies. The strategies choose the form of a method by its number of
 * parameters. The published types lack the form for PKCE.
 */
export type StateStore = {
  store(req: unknown, verifier: string, state: unknown, meta: unknown, done: StoreDone): void
  verify(req: unknown, state: string, meta: unknown, done: VerifyDone): void
}
export type StoreDone = (error: unknown, state?: string) => void
export type VerifyDone = (error: unknown, codeVerifier?: string) => void

/** The callback of a strategy with the profile of the user at the provider. */
export type VerifyProfile = (
  accessToken: string,
  refreshToken: string,
  profile: unknown,
  done: (error: unknown, profile?: ProviderProfile) => void,
) => void

type PasswordArguments = [
  username: string,
  password: string,
  done: (error: unknown, user?: Express.User | false) => void,
]

/**
 * The callback of a strategy with a username and a password. With the request as its first argument, as passport-local
 * passes it with `passReqToCallback`, logins from different addresses take turns. The request has the Koa context as
 * `ctx`.
 */
export type VerifyPassword = (...args: PasswordArguments | [req: unknown, ...PasswordArguments]) => void

/**
 * A drawing in a box of 24 by 24: the data of an SVG path of lines, or areas with colours. `currentColor` is the colour of
 * the text, light in dark mode.
 */
export type ProviderIcon = string | readonly { path: string; fill: string }[]

type Named = {
  /** The name of the file, the route segment and the environment prefix: lower-case letters, digits and dashes. */
  name: string
  /** The text of the button. */
  label: string
  /** The drawing of the button. The default is the label's first letter. */
  icon?: ProviderIcon
}

type Redirecting = Named & {
  flow: 'redirect'
  /** The default scope; AUTH_<NAME>_SCOPE replaces it. */
  scope: string[]
}

type WithOAuth = Redirecting & {
  /** The documented value of `iss` in the callback (RFC 9207); undefined if the provider documents none. */
  issuer?: string
  /** True when the issuer signs ID tokens, which native apps send to POST /token/id-token. */
  idTokens?: true
}

/** A redirect provider with a strategy on passport-oauth2. */
export type StrategyProvider = WithOAuth & {
  endpoints?: undefined
  strategy(options: RedirectOptions, verify: VerifyProfile): Strategy
  /** Reads the strategy's profile. Throws for a profile without a subject. */
  identity(profile: unknown): ProfileIdentity
}

/** A redirect provider with OAuth 2.0 alone: the gateway makes the strategy from its endpoints. */
export type EndpointsProvider = WithOAuth & {
  strategy?: undefined
  endpoints: {
    authorization: string
    token: string
    /** The endpoint that describes the user, in JSON. */
    profile: string
    /** The endpoint of the user's addresses, without which a sign-in goes on. */
    emails?: string
    /** The place of client id and secret in the token request: the body, or the header of RFC 6749, section 2.3.1. */
    clientAuthentication?: 'body' | 'basic'
    /** Returns more parameters of the requests with an access token. */
    parameters?(accessToken: string, clientSecret: string): Record<string, string>
  }
  /** Reads the answers of the endpoints, `{ profile, emails }`. Throws for a profile without a subject. */
  identity(answers: unknown): ProfileIdentity
}

/** A redirect provider with OAuth 2.0. */
export type OAuthProvider = StrategyProvider | EndpointsProvider

/** A redirect provider that speaks OpenID Connect: its metadata comes from its issuer, and the gateway has the strategy. */
export type OpenIdProvider = Redirecting & {
  /** The issuer identifier, exactly as ID tokens have it; AUTH_<NAME>_ISSUER replaces it. */
  issuer: string
  strategy?: undefined
  endpoints?: undefined
  /** Reads the claims of the ID token and of userinfo. Default: the standard claims. */
  identity?(claims: unknown): ProfileIdentity
  /** More parameters of the authorization request; AUTH_<NAME>_PARAMETERS takes precedence. */
  parameters?: Readonly<Record<string, string>>
  /** The parts of a sign-in that the provider rejects or does not answer. */
  without?: readonly ('nonce' | 'pkce' | 'userinfo')[]
  /** The form of the answer: a POST of the provider's page to the callback. Default: a redirect. */
  responseMode?: 'form_post'
  /** The client secret: a JWT, signed by a key of AUTH_<NAME>_PRIVATE_KEY. Default: the text of AUTH_<NAME>_CLIENT_SECRET. */
  clientSecret?: 'signed'
  /** The issuers that stand for many tenants, and the form of their tenants' issuers, with `{tenantid}`. */
  tenants?: { of: readonly string[]; issuer: string }
}

/** A provider that signs users in on its own page and redirects them back. */
export type RedirectProvider = OAuthProvider | OpenIdProvider

/** A provider that checks a username and a password itself. */
export type PasswordProvider = Named & {
  flow: 'password'
  strategy(verify: VerifyPassword): Strategy
}

/** The default export of a file in `providers/`. */
export type Provider = RedirectProvider | PasswordProvider

/** Returns true for a provider whose page posts its answer to the callback. */
export function answersByPost(provider: RedirectProvider): boolean {
  return isOpenId(provider) && provider.responseMode === 'form_post'
}

/** Returns true for a provider that the strategy of the gateway serves. */
export function isOpenId(provider: Provider): provider is OpenIdProvider {
  return provider.flow === 'redirect' && provider.strategy === undefined && provider.endpoints === undefined
}

/** Returns the issuer that the metadata of a provider must have. `{tenantid}` in it stands for the tenant of a token. */
export function metadataIssuerOf({ issuer, tenants }: Pick<OpenIdProvider, 'issuer' | 'tenants'>): string {
  return tenants?.of.includes(issuer) ? tenants.issuer : issuer
}
