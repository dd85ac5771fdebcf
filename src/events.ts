import type { Logger } from 'pino'

/** Everything that is announced: name → level and words of its line in the log. Nobody else enumerates them. */
const table = {
  'login.ok': { level: 'info', message: 'signed in' },
  'login.failed': { level: 'info', message: 'a sign-in failed' },
  'login.limited': { level: 'warn', message: 'a sign-in was refused, too many had failed' },
  'request.limited': { level: 'warn', message: 'a request was refused, too many came from its address' },
  signup: { level: 'info', message: 'a new user' },
  'signup.failed': { level: 'info', message: 'a sign-up failed' },
  'exchange.failed': { level: 'info', message: 'a one-time code was refused' },
  'refresh.ok': { level: 'debug', message: 'a session was refreshed' },
  'refresh.failed': { level: 'info', message: 'a refresh token was refused' },
  'refresh.reuse': { level: 'warn', message: 'a refresh token was used twice' },
  logout: { level: 'info', message: 'signed out' },
  'session.begun': { level: 'info', message: 'a page gave an app a session' },
  'session.revoked': { level: 'info', message: 'a session was ended by its user' },
  'password.changed': { level: 'info', message: 'password changed' },
  'password.refused': { level: 'info', message: 'a change of password was refused' },
  'identity.linked': { level: 'info', message: 'identity linked' },
  'identity.refused': { level: 'info', message: 'an identity was not linked' },
  'identity.unlinked': { level: 'info', message: 'identity unlinked' },
  'provider.failed': { level: 'warn', message: 'a provider did not do its part' },
  'role.denied': { level: 'info', message: 'a role was asked for that the user does not have' },
  'key.rotated': { level: 'info', message: 'key rotated' },
} as const satisfies Record<string, { level: 'debug' | 'info' | 'warn'; message: string }>

/** A stable name of one kind of event. */
export type EventName = keyof typeof table

/** The names and levels, for documentation and tests. */
export const eventTable: Readonly<Record<EventName, { level: 'debug' | 'info' | 'warn'; message: string }>> =
  table

/** Why a sign-in failed, where the answer must not say it. */
export type Reason = 'unknown_user' | 'no_password' | 'wrong_password' | 'inactive'

/** All that an event may say. There is no member for what somebody typed, sent or holds, so none of it gets out. */
export type Facts = {
  userId?: string | undefined
  sessionId?: string | undefined
  provider?: string | undefined
  /** The client's network: IPv4 /24, IPv6 /48. */
  address?: string | undefined
  code?: string | undefined
  reason?: Reason | undefined
  everywhere?: boolean | undefined
  step?: string | undefined
  state?: string | undefined
  kid?: string | undefined
}

/** Announces an event of a request: who, where from and by which provider it adds by itself. */
export type Announce = (name: EventName, facts?: Facts) => void

/** Hears of every event, such as to count it. */
export type Listener = (name: EventName, facts: Facts) => void

/** Announces an event: one line in `log`, and a word to whoever listens. */
export type Announcer = (log: Logger, name: EventName, facts: Facts) => void

/** What the steps to the right try to do, and what it is called when they do it or fail. */
export type Attempt = { provider?: string; ok?: EventName; failed: EventName }
