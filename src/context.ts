import type { Middleware as KoaMiddleware } from 'koa'
import type { Logger } from 'pino'
import type { z } from 'zod'
import type { ErrorCode, GatewayError } from './errors.ts'
import type { Announce, Attempt } from './events.ts'

/** What the steps of a route add, each for those to its right. */
export type State = {
  /** Names the request in logs and error answers. */
  requestId: string
  log: Logger
  /** The client, as far as the trusted proxies can tell. */
  address: string
  /** Announces a security event of this request. */
  announce: Announce
  /** What this request is about to do, for when it fails. */
  attempt?: Attempt
  /** The session of the pages in this browser. */
  browserSession?: ActiveSession
  /** What it failed with, for the log. */
  failed?: ErrorCode
  /** What was typed into the form of a page. */
  form?: Readonly<Record<string, string>>
  /** The body as its schema has checked it. The strategies of Passport read it here too. */
  body?: unknown
  /** The schema that has checked the body. */
  bodySchema?: z.ZodType
  /** Who has just proven who they are. */
  user?: ProvenUser
  /** What the client asked for when it started a provider sign-in. */
  start?: Pick<Flow, 'redirectTo' | 'codeChallenge' | 'link' | 'page'>
  /** What the provider sent back. */
  callback?: { state: string; code?: string | undefined; error?: string | undefined }
  /** What the state cookie says about the provider sign-in that comes back. */
  flow?: Flow
  /** The refresh token that came with the request, as it was sent. */
  refreshToken?: string
  /** Whom a provider says has come back, before it is known which user that is. */
  identity?: ProviderProfile
  /** The access token that came with the request, verified. */
  bearer?: Bearer
  /** Who Hasura says its client is, in what comes through Hasura. */
  hasuraClient?: HasuraClient
  /** The session and its user, as the database says at this moment. */
  access?: ActiveSession
  /** What the user may be: made by the claims proxy from `access`. */
  claims?: HasuraClaims
}

/** Who Hasura says its client is; undefined where it says nothing, or two things. */
export type HasuraClient = { role: string | undefined; userId: string | undefined }

/** A provider sign-in between the redirect and the callback. */
export type Flow = {
  provider: string
  state: string
  codeVerifier: string
  redirectTo: string | null
  codeChallenge: string | null
  /** The user and session that asked to be linked with the identity; null for a sign-in. */
  link: { userId: string; sessionId: string } | null
  /** Whether it was begun on a page of ours: then it ends there, signed in, and its failures are shown there. */
  page: boolean
}

/** Who a provider says somebody is. Only `subject` identifies; it is never empty. */
export type ProfileIdentity = {
  subject: string
  /** What a new user would like to be called. */
  username?: string | undefined
  email?: string | undefined
  emailVerified?: boolean | undefined
}

/** A provider's answer, checked: which provider, and who it says somebody is. */
export type ProviderProfile = ProfileIdentity & { provider: string }

/** A user who has proven who they are; `passwordHash` is what their password was verified against. */
export type ProvenUser = { id: string; passwordHash?: string }

/** What one statement reads about a session: who the user is, and everything their claims are made of. */
export type ActiveSession = {
  sessionId: string
  counter: number
  idleExpiresAt: Date
  expiresAt: Date
  userId: string
  username: string
  defaultRole: string | null
  roles: string[]
  extraClaims: Record<string, unknown>
}

/** What a user may be, in Hasura's terms. `leftOut` names what was in the database but must not reach Hasura. */
export type HasuraClaims = {
  userId: string
  /** Sorted by code unit, without duplicates; the default role is one of them. */
  allowedRoles: string[]
  defaultRole: string
  /** Lower-case `x-hasura-…` names, string values. */
  extra: Record<string, string>
  leftOut: string[]
}

/** What a valid access token says. Times in seconds. */
export type Bearer = { userId: string; sessionId: string; expiresAt: number }

/** The members that the router adds to a context. */
type RouterContext = {
  /** The parameters of the path, by name. */
  params?: Readonly<Record<string, string>>
  /** The pattern of the route that took the request. */
  _matchedRoute?: string | RegExp | undefined
  /** The routes whose path fits, for any method. */
  matched?: readonly unknown[]
}

/** A step of a route, with what it promises to callers if it promises anything. */
export type Middleware = KoaMiddleware<State, RouterContext> & { readonly contract?: Contract }
export type Context = Parameters<Middleware>[0]

/** Says what time it is. */
export type Clock = () => Date

/** One way in which a route may answer. */
export type Answer = {
  description: string
  /** The body; left out where there is none. */
  schema?: z.ZodType
  /** The media type of the body: JSON unless it says otherwise. */
  type?: string
  /** Headers that are part of the answer, with what they say. */
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

/** How callers show who they are. */
export type Credential = 'accessToken' | 'refreshCookie' | 'actionSecret'

/**
 * What callers see of a step: what it reads, how it answers, what it may throw. A route promises what its steps promise,
 * from left to right, and the API reference says just that.
 */
export type Contract = {
  /** The JSON body, and the bytes that it may have. */
  body?: { schema: z.ZodType; limit: number }
  /** Objects with one member for each parameter. */
  path?: z.ZodType
  query?: z.ZodType
  header?: z.ZodType
  cookie?: z.ZodType
  /** Whoever has several ways to show who they are needs one of them; an optional one may be missing. */
  credential?: { kind: Credential; isOptional?: boolean }
  /** Status → answer. */
  answers?: Readonly<Record<number, Answer>>
  errors?: readonly ErrorCode[]
  /** The format of the errors of the later steps. */
  errorFormat?: ErrorFormat
}

/** Lets a step say what it promises. Changes nothing of what it does. */
export function withContract(contract: Contract, step: Middleware): Middleware {
  return Object.assign(step, { contract })
}

/** Returns what an earlier step has put into the state. Throws when the route has no such step. */
export function requireState<Key extends keyof State>(ctx: Context, key: Key): NonNullable<State[Key]> {
  const value = ctx.state[key]
  if (value === undefined || value === null) throw new Error(`no step has set ctx.state.${key}`)
  return value
}

/** What several steps may throw, each code once. */
export function errorsOf(steps: readonly Middleware[]): ErrorCode[] {
  return [...new Set(steps.flatMap(({ contract }) => contract?.errors ?? []))]
}
