import type { Middleware as KoaMiddleware } from 'koa'
import type { Logger } from 'pino'
import type { ProviderProfile } from './authentication/provider.ts'
import type { HasuraClaims } from './claims/hasura-claims.ts'
import type { Contract } from './contract.ts'
import type { Access } from './database/access.ts'
import type { ProvenUser } from './database/sessions.ts'
import type { ErrorCode } from './errors.ts'
import type { Announce, Attempt } from './events.ts'
import type { HasuraClient } from './hasura/session-variables.ts'

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
  /** Who is signed in on our own pages in this browser. */
  visitor?: Access
  /** What it failed with, for the log. */
  failed?: ErrorCode
  /** What was typed into the form of a page. */
  form?: Readonly<Record<string, string>>
  /** The body, checked against the route's schema. */
  body?: unknown
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
  access?: Access
  /** What the user may be: made by the claims proxy from `access`. */
  claims?: HasuraClaims
}

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

/** What a valid access token says. Times in seconds. */
export type Bearer = { userId: string; sessionId: string; expiresAt: number }

/** A step of a route, with what it promises to callers if it promises anything. */
export type Middleware = KoaMiddleware<State> & { readonly contract?: Contract }
export type Context = Parameters<Middleware>[0]

/** Says what time it is. */
export type Clock = () => Date
