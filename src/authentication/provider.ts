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
  /** What the environment sets in place of the strategy's own endpoints. */
  endpoints: { authorizationURL?: string; tokenURL?: string; profileURL?: string; emailsURL?: string }
}

/**
 * The state store that Passport's OAuth strategies ask: they tell its methods apart by counting parameters, and the
 * published types do not know the form that PKCE needs.
 */
export type StateStore = {
  store(req: unknown, verifier: string, state: unknown, meta: unknown, done: StoreDone): void
  verify(req: unknown, state: string, meta: unknown, done: VerifyDone): void
}
export type StoreDone = (error: unknown, state?: string) => void
export type VerifyDone = (error: unknown, codeVerifier?: string) => void

/** What a strategy calls when the provider has told it who somebody is. */
export type VerifyProfile = (
  accessToken: string,
  refreshToken: string,
  profile: unknown,
  done: (error: unknown, profile?: ProviderProfile) => void,
) => void

/** What a strategy calls with a username and a password. */
export type VerifyPassword = (
  username: string,
  password: string,
  done: (error: unknown, user?: Express.User | false) => void,
) => void

type Named = {
  /** The name of the file, the route segment and the environment prefix: lower-case letters, digits and dashes. */
  name: string
  /** What a person reads on the button. */
  label: string
  /** A drawing for the button: the lines of an SVG path in a box of 24 by 24. Without it there is the label's first letter. */
  icon?: string
}

/** A provider that people visit and come back from. */
export type RedirectProvider = Named & {
  flow: 'redirect'
  /** Asked for unless AUTH_<NAME>_SCOPE says otherwise. */
  scope: string[]
  /** What it calls itself in `iss` when people come back (RFC 9207); leave it out where nothing is documented. */
  issuer?: string
  strategy(options: RedirectOptions, verify: VerifyProfile): Strategy
  /** Reads the strategy's profile. Throws when there is no subject in it. */
  identity(profile: unknown): ProfileIdentity
}

/** A provider that checks a username and a password itself. */
export type PasswordProvider = Named & {
  flow: 'password'
  strategy(verify: VerifyPassword): Strategy
}

/** What a file in `providers/` default-exports. */
export type Provider = RedirectProvider | PasswordProvider
