import type { EventName, Facts } from './events.ts'

/** All errors of the HTTP API: code → status and title. This table is the only list of them. */
const table = {
  malformed_request: { status: 400, title: 'The request cannot be parsed' },
  invalid_credentials: { status: 401, title: 'Wrong username or password' },
  invalid_token: { status: 401, title: 'The token is invalid, expired or revoked' },
  invalid_code: { status: 401, title: 'The code is invalid, expired or already used' },
  provider_denied: { status: 401, title: 'The provider did not sign you in' },
  role_denied: { status: 401, title: 'You do not have this role' },
  invalid_state: {
    status: 403,
    title: 'This sign-in was not started in this browser, took too long or was used before',
  },
  redirect_not_allowed: { status: 403, title: 'This redirect target is not allowed' },
  signup_disabled: { status: 403, title: 'Sign-up is closed' },
  user_inactive: { status: 403, title: 'This user is deactivated' },
  not_found: { status: 404, title: 'There is nothing here' },
  method_not_allowed: { status: 405, title: 'This method is not allowed here' },
  origin_not_allowed: { status: 403, title: 'This origin may not use our cookies' },
  request_timeout: { status: 408, title: 'The request did not come to an end in time' },
  username_taken: { status: 409, title: 'This username is taken' },
  identity_taken: { status: 409, title: 'This identity belongs to another user' },
  last_way_in: { status: 409, title: 'This is the last way to sign in' },
  link_required: { status: 409, title: 'This e-mail address belongs to an existing user' },
  body_too_large: { status: 413, title: 'The body is too large' },
  query_too_long: { status: 414, title: 'The query is too long' },
  unsupported_media_type: { status: 415, title: 'The body must be application/json in UTF-8' },
  validation_failed: { status: 422, title: 'Some members are not valid' },
  rate_limited: { status: 429, title: 'Too many attempts' },
  headers_too_large: { status: 431, title: 'The headers are too large' },
  server_error: { status: 500, title: 'Something went wrong here' },
  provider_error: { status: 502, title: 'The provider gave an unusable answer' },
  overloaded: { status: 503, title: 'Too much to do at the moment' },
  database_unavailable: { status: 503, title: 'The database cannot be reached' },
  provider_timeout: { status: 504, title: 'The provider did not answer in time' },
} as const satisfies Record<string, { status: number; title: string }>

/** The stable name of an error. */
export type ErrorCode = keyof typeof table

/** The codes, statuses and titles, for documentation and tests. */
export const errorTable: Readonly<Record<ErrorCode, { status: number; title: string }>> = table

/** A rejected field, with the reason for the user. */
export type FieldError = { field: string; detail: string }

type Details = {
  detail?: string
  errors?: FieldError[]
  headers?: Record<string, string>
  cause?: unknown
  event?: EventName
  about?: Facts
}

/**
 * The error class of all requests. `detail` and `errors` are for the caller. `cause`, `event` and `about` are only
 * logged. `event` replaces the event of the failed attempt; `about` has its facts.
 */
export class GatewayError extends Error {
  readonly code: ErrorCode
  readonly status: number
  readonly title: string
  readonly detail: string | undefined
  readonly errors: FieldError[] | undefined
  readonly headers: Record<string, string>
  readonly event: EventName | undefined
  readonly about: Facts | undefined

  constructor(code: ErrorCode, { detail, errors, headers = {}, cause, event, about }: Details = {}) {
    super(detail ?? table[code].title, { cause })
    this.name = 'GatewayError'
    this.code = code
    this.status = table[code].status
    this.title = table[code].title
    this.detail = detail
    this.errors = errors
    this.headers = headers
    this.event = event
    this.about = about
  }
}

/** An invalid configuration. Names every bad variable, never its value. */
export class ConfigError extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`The configuration is not valid:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
    this.name = 'ConfigError'
    this.problems = problems
  }
}
