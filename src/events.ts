import type { Logger } from 'pino'

/** All events: name → level and message of the log line. This table is the only list of them. */
const table = {
  'login.ok': { level: 'info', message: 'signed in' },
  'login.failed': { level: 'info', message: 'sign-in failed' },
  'login.limited': { level: 'warn', message: 'sign-in rejected: too many failed attempts' },
  'request.limited': {
    level: 'warn',
    message: 'request rejected: too many requests from its address or user',
  },
  signup: { level: 'info', message: 'signed up' },
  'signup.failed': { level: 'info', message: 'sign-up failed' },
  'exchange.failed': { level: 'info', message: 'one-time code rejected' },
  'exchange.reuse': { level: 'warn', message: 'one-time code reused; session ended' },
  'refresh.ok': { level: 'debug', message: 'session refreshed' },
  'refresh.failed': { level: 'info', message: 'refresh token rejected' },
  'refresh.late': { level: 'warn', message: 'refresh token repeated late; its unused successor sent again' },
  'refresh.reuse': { level: 'warn', message: 'refresh token reused; session ended' },
  logout: { level: 'info', message: 'signed out' },
  'logout.refused': { level: 'info', message: 'logout token of a provider rejected' },
  'session.begun': { level: 'info', message: 'session started for an app' },
  'session.revoked': { level: 'info', message: 'session ended by its user' },
  'session.ended_by_provider': { level: 'info', message: 'session ended by a logout at its provider' },
  'password.changed': { level: 'info', message: 'password changed' },
  'password.refused': { level: 'info', message: 'password change rejected' },
  'stepup.ok': { level: 'info', message: 'signed-in user authenticated again' },
  'stepup.failed': { level: 'info', message: 'authentication of a signed-in user failed' },
  'stepup.required': { level: 'info', message: 'change rejected: the last authentication is too old' },
  'identity.linked': { level: 'info', message: 'identity linked' },
  'identity.refused': { level: 'info', message: 'identity link rejected' },
  'identity.unlinked': { level: 'info', message: 'identity unlinked' },
  'provider.failed': { level: 'warn', message: 'provider request failed' },
  'provider.groups_incomplete': {
    level: 'warn',
    message: 'groups of the provider incomplete; its roles of the user stay as they are',
  },
  'form.refused': { level: 'info', message: 'form rejected: of another browser, forged or expired' },
  'origin.refused': { level: 'warn', message: 'request rejected: its origin is not allowed' },
  'state.refused': {
    level: 'info',
    message: 'provider callback rejected: of another browser, forged or used',
  },
  'redirect.refused': { level: 'warn', message: 'redirect target rejected: not in AUTH_REDIRECT_ORIGINS' },
  'webhook.refused': { level: 'warn', message: 'webhook request rejected: no secret or another one' },
  'role.denied': { level: 'info', message: 'requested role denied: the user does not have it' },
  'key.rotated': { level: 'info', message: 'key rotated' },
} as const satisfies Record<string, { level: 'debug' | 'info' | 'warn'; message: string }>

/** The stable name of an event. */
export type EventName = keyof typeof table

/** The names and levels, for documentation and tests. */
export const eventTable: Readonly<Record<EventName, { level: 'debug' | 'info' | 'warn'; message: string }>> =
  table

/** The reason of a failed sign-in, which the answer must not reveal. */
export type Reason = 'unknown_user' | 'no_password' | 'unusable_hash' | 'wrong_password' | 'inactive'

/**
 * The facts of an event. No member can hold a credential or text that a user typed, so neither reaches the log. The
 * origin of a rejected redirect target is ASCII and short.
 */
export type Facts = {
  userId?: string | undefined
  sessionId?: string | undefined
  provider?: string | undefined
  /** The client's network: IPv4 /24, IPv6 /48. */
  address?: string | undefined
  code?: string | undefined
  origin?: string | undefined
  /** The reason of a failed sign-in, or of incomplete groups. */
  reason?: Reason | 'overage' | 'malformed' | undefined
  everywhere?: boolean | undefined
  step?: string | undefined
  state?: string | undefined
  kid?: string | undefined
}

/** Announces an event of a request. Adds the user, the network and the provider of the request. */
export type Announce = (name: EventName, facts?: Facts) => void

/** Receives every event, for example to count it. */
export type Listener = (name: EventName, facts: Facts) => void

/** Writes an event to `log` and calls the listeners. */
export type Announcer = (log: Logger, name: EventName, facts: Facts) => void

/** The attempt of the later steps: the events of its success and its failure. */
export type Attempt = { provider?: string; ok?: EventName; failed: EventName }
