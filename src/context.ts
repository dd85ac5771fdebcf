import type { Middleware as KoaMiddleware } from 'koa'
import type { Logger } from 'pino'
import type * as z from 'zod'
import type { ErrorCode, GatewayError } from './errors.ts'
import type { Announce, Attempt } from './events.ts'

/** The state of a request. Each step adds members for the later steps. */
export type State = {
  /** The id of the request in logs and error answers. */
  requestId: string
  log: Logger
  /** The client's address, according to the trusted proxies. */
  address: string
  /** Announces a security event of this request. */
  announce: Announce
  /** The attempt that fails when the request fails. */
  attempt?: Attempt
  /** The session of the pages in this browser. */
  browserSession?: ActiveSession
  /** The error code of the answer, for the log. */
  failed?: ErrorCode
  /** The submitted fields of a page's form. */
  form?: Readonly<Record<string, string>>
  /** The checked body. The strategies of Passport also read it. */
  body?: unknown
  /** The schema that has checked the body. */
  bodySchema?: z.ZodType
  /** The data of the user with a typed name, null without one, when the limits have read it with their counters. */
  credentials?: { username: string; user: Credentials | null }
  /** The authenticated user. */
  user?: ProvenUser
  /** The parameters with which the client starts a provider sign-in. */
  start?: Pick<Flow, 'redirectTo' | 'codeChallenge' | 'link' | 'page' | 'stepUp'>
  /** The query of the provider's callback. */
  callback?: {
    state: string
    code?: string | undefined
    error?: string | undefined
    iss?: string | undefined
  }
  /** The wishes of the client for the page of the provider. */
  hints?: SignInHints
  /** The provider sign-in of the state cookie. */
  flow?: Flow
  /** The refresh token of the request, unverified. */
  refreshToken?: string
  /** The identity at the provider, before a step finds its user. */
  identity?: ProviderProfile
  /** The verified access token of the request. */
  bearer?: Bearer
  /** Hasura's client, in a request through Hasura. */
  hasuraClient?: HasuraClient
  /** The current session and its user. */
  access?: ActiveSession
  /** The profile of the signed-in user. */
  profile?: Profile
  /** The user's claims, which the claims proxy makes from `access`. */
  claims?: HasuraClaims
}

/** The client in Hasura's session variables; undefined for a missing or contradictory value. */
export type HasuraClient = { role: string | undefined; userId: string | undefined }

/** The parameters of OpenID Connect that a client passes on to the provider (Core, section 3.1.2.1). */
export type SignInHints = { loginHint?: string | undefined; prompt?: string | undefined }

/** A provider sign-in between the redirect and the callback. */
export type Flow = {
  provider: string
  state: string
  codeVerifier: string
  /** The required `nonce` of the ID token; undefined at a provider without OpenID Connect. */
  nonce?: string | undefined
  redirectTo: string | null
  codeChallenge: string | null
  /** The user and session that asked to be linked with the identity; null for a sign-in. */
  link: { userId: string; sessionId: string } | null
  /**
   * The user and the session of the pages that authenticate again, since a time in seconds; undefined for other
   * sign-ins.
   */
  stepUp?: { userId: string; sessionId: string; since: number } | undefined
  /** True for a sign-in that began on a page: it ends on a page, and a page shows its errors. */
  page: boolean
}

/** The identity in a provider's profile. Only `subject` identifies the user; it is never empty. */
export type ProfileIdentity = {
  subject: string
  /** The preferred username of a new user. */
  username?: string | undefined
  email?: string | undefined
  emailVerified?: boolean | undefined
}

/** The claims of a checked ID token, and those of userinfo that it lacks. */
export type IdTokenClaims = Readonly<Record<string, unknown>> & { sub: string }

/** A checked identity with the name of its provider. */
export type ProviderProfile = ProfileIdentity & {
  provider: string
  /** Everything that an OpenID provider says about the user; undefined at other providers. */
  claims?: IdTokenClaims
}

/** The data of a user that a login needs; `password` is the hash. */
export type Credentials = { id: string; password: string | null; active: boolean }

/** An authenticated user, and how they authenticated. */
export type ProvenUser = {
  id: string
  /** The name of the provider of this sign-in. */
  provider: string
  /** The methods of this authentication (RFC 8176): `pwd`, or `fed` for a redirect provider. */
  amr: readonly string[]
  /** The hash that the password matched. */
  passwordHash?: string
  /** The subject at the provider; undefined for a password. */
  subject?: string
  /** The provider's id of its own session; undefined when it gave none. */
  providerSid?: string | undefined
}

/** An active session with its user and the source of the claims, all read by one statement. */
export type ActiveSession = {
  sessionId: string
  counter: number
  idleExpiresAt: Date
  expiresAt: Date
  /** The time of the last authentication. A refresh does not change it. */
  authTime: Date
  /** The methods of all authentications of the session (RFC 8176). */
  amr: string[]
  /** The level of the authentication: 1. */
  level: number
  userId: string
  username: string
  /** True when the user's e-mail address was proven to be theirs. */
  emailVerified: boolean
  defaultRole: string | null
  roles: string[]
  /** The rows of `user_claim`: name → JSON text. */
  extraClaims: Record<string, string>
}

/** The data that a user sees about the own account. */
export type Profile = {
  email: string | null
  /** True when the e-mail address was proven to be the user's. */
  emailVerified: boolean
  createdAt: Date
  /** The oldest first. */
  identities: { provider: string; subject: string; email: string | null }[]
}

/** The value of a session variable: text for Hasura v2, any JSON but null for Hasura v3. */
export type SessionVariable = string | number | boolean | object

/** The claims of a user for Hasura. `leftOut` names the rows of the database that must not reach Hasura. */
export type HasuraClaims = {
  userId: string
  /** Sorted by code unit, without duplicates; the default role is one of them. */
  allowedRoles: string[]
  defaultRole: string
  /** Lower-case `x-hasura-…` names; all values are strings unless AUTH_CLAIMS_VALUES is json. */
  extra: Record<string, SessionVariable>
  leftOut: string[]
}

/** The content of a valid access token. Times in seconds; `authTime` is 0 in a token of an earlier version. */
export type Bearer = { userId: string; sessionId: string; expiresAt: number; authTime: number }

/** The members that the router adds to a context. */
type RouterContext = {
  /** The parameters of the path, by name. */
  params?: Readonly<Record<string, string>>
  /** The pattern of the matched route. */
  _matchedRoute?: string | RegExp | undefined
  /** The routes with a matching path, for any method. */
  matched?: readonly unknown[]
}

/** A step of a route, with its optional contract for callers. */
export type Middleware = KoaMiddleware<State, RouterContext> & { readonly contract?: Contract }
export type Context = Parameters<Middleware>[0]

/** Returns the current time. */
export type Clock = () => Date

/** An answer of a route. */
export type Answer = {
  description: string
  /** The schema of the body; undefined without a body. */
  schema?: z.ZodType
  /** The media type of the body. Default JSON. */
  type?: string
  /** The headers of the answer, with their descriptions. */
  headers?: Readonly<Record<string, string>>
}

/** The format of error answers. */
export type ErrorFormat = {
  /** Distinguishes this format from others. */
  name: string
  type: string
  /** The schema of the body for any code. */
  schema: z.ZodType
  /** Returns a JSON Schema of bodies with one of these codes, to combine with `schema`. */
  schemaFor(codes: readonly ErrorCode[]): object
  /** Returns the body for an error. */
  render(error: GatewayError, requestId: string): unknown
  /** Returns the status of the answer for the status of an error. */
  status(status: number): number
}

/** The kinds of credentials of callers. */
export type Credential = 'accessToken' | 'refreshCookie' | 'actionSecret' | 'webhookSecret'

/**
 * The contract of a step for callers: its inputs, answers and errors. The contract of a route combines the contracts of
 * its steps, from left to right. The API reference is made from it.
 */
export type Contract = {
  /** The body, its maximum size in bytes, and its media type. Default JSON. */
  body?: { schema: z.ZodType; limit: number; type?: string }
  // Objects with one member for each parameter.
  path?: z.ZodType
  query?: z.ZodType
  header?: z.ZodType
  cookie?: z.ZodType
  /** The credential of the caller. A route requires each kind that is not optional. */
  credential?: { kind: Credential; isOptional?: boolean }
  /** Status → answer. */
  answers?: Readonly<Record<number, Answer>>
  errors?: readonly ErrorCode[]
  /** The format of the errors of the later steps. */
  errorFormat?: ErrorFormat
}

/** Adds a contract to a step. The behaviour of the step stays the same. */
export function withContract(contract: Contract, step: Middleware): Middleware {
  return Object.assign(step, { contract })
}

/** Returns a member that an earlier step has added to the state. Throws for a missing member. */
export function requireState<Key extends keyof State>(ctx: Context, key: Key): NonNullable<State[Key]> {
  const value = ctx.state[key]
  if (value === undefined || value === null) throw new Error(`no step has set ctx.state.${key}`)
  return value
}

/** Returns the error codes of several steps, each code once. */
export function errorsOf(steps: readonly Middleware[]): ErrorCode[] {
  return [...new Set(steps.flatMap(({ contract }) => contract?.errors ?? []))]
}
