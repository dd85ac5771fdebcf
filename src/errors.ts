import type { EventName, Facts } from './events.ts'

/**
 * The closed list of errors that may leave the process: code → status, title and default detail, and the event that
 * every such error announces beside the failed attempt.
 */
const table = {
  malformed_request: {
    status: 400,
    title: 'Malformed request',
    detail: 'The request cannot be parsed. Send a valid HTTP message with a valid body.',
  },
  invalid_logout_token: {
    status: 400,
    title: 'Invalid logout token',
    detail: 'The logout token of the provider is missing, invalid, expired or was used before.',
    event: 'logout.refused',
  },
  invalid_credentials: {
    status: 401,
    title: 'Wrong username or password',
    detail: 'Check the username and the password, then try again.',
  },
  invalid_token: {
    status: 401,
    title: 'Invalid token',
    detail: 'The token is missing, invalid, expired or revoked. Refresh the session or sign in again.',
  },
  invalid_code: {
    status: 401,
    title: 'Invalid code',
    detail: 'The code is wrong, expired or already used. Start the sign-in again.',
  },
  provider_denied: {
    status: 401,
    title: 'Provider denied the sign-in',
    detail: 'The user or the provider rejected the sign-in. Start it again, or sign in another way.',
  },
  invalid_webhook_secret: {
    status: 401,
    title: 'Invalid webhook secret',
    detail:
      'The webhook requires its secret in the header X-Webhook-Secret or in the URL, as ?secret=. The operator sets it in AUTH_WEBHOOK_SECRET.',
    event: 'webhook.refused',
  },
  role_denied: {
    status: 401,
    title: 'Role denied',
    detail: 'The request asks for a role that the user does not have. Send one of the allowed roles.',
  },
  invalid_state: {
    status: 403,
    title: 'Invalid state',
    detail: 'The sign-in or form belongs to another browser, has expired or was used before. Start again.',
    event: 'state.refused',
  },
  redirect_not_allowed: {
    status: 403,
    title: 'Redirect target not allowed',
    detail:
      'The redirect target has an origin that is not allowed. The operator lists allowed origins in AUTH_REDIRECT_ORIGINS.',
  },
  fresh_authentication_required: {
    status: 403,
    title: 'Fresh authentication required',
    detail:
      'The last authentication is too old for this change. Send the password to POST /user/step-up, or sign in again, then use the new access token.',
  },
  signup_disabled: {
    status: 403,
    title: 'Sign-up disabled',
    detail: 'New users cannot sign up. Ask the operator for a user.',
  },
  password_api_disabled: {
    status: 403,
    title: 'Passwords are for the pages',
    detail:
      'Users of this gateway type passwords only on its own pages. Send the browser to /signin with redirect_to, for a fresh authentication also with prompt=login, and exchange the code.',
  },
  user_inactive: {
    status: 403,
    title: 'User deactivated',
    detail: 'The user is deactivated. Ask the operator to activate it.',
  },
  not_found: {
    status: 404,
    title: 'Not found',
    detail: 'No route or resource has this address. Check the path.',
  },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    detail: 'The route does not have this method. The header Allow lists its methods.',
  },
  origin_not_allowed: {
    status: 403,
    title: 'Origin not allowed',
    detail:
      'The request comes from an origin that is not allowed. The operator lists allowed origins in AUTH_CORS_ORIGINS.',
    event: 'origin.refused',
  },
  request_timeout: {
    status: 408,
    title: 'Request timeout',
    detail: 'The request was not complete in time. Send it again.',
  },
  username_taken: {
    status: 409,
    title: 'Username already taken',
    detail: 'Another user has this username. Choose another username.',
  },
  identity_taken: {
    status: 409,
    title: 'Identity already linked',
    detail: 'The identity is linked to another user. Sign in as that user and unlink it first.',
  },
  last_way_in: {
    status: 409,
    title: 'Last way to sign in',
    detail: 'The user has no other way to sign in. Set a password or link another provider first.',
  },
  link_required: {
    status: 409,
    title: 'E-mail address belongs to another user',
    detail: 'Another user has this e-mail address. Sign in as that user, then link the provider.',
  },
  body_too_large: {
    status: 413,
    title: 'Body too large',
    detail: 'The body is larger than the route accepts. Send a smaller body.',
  },
  query_too_long: {
    status: 414,
    title: 'Query too long',
    detail: 'The query is longer than the gateway accepts. Send a shorter query.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    detail: 'The body must be application/json in UTF-8. Set the header Content-Type.',
  },
  validation_failed: {
    status: 422,
    title: 'Validation failed',
    detail: 'The request has invalid members or parameters. Correct them and send it again.',
  },
  rate_limited: {
    status: 429,
    title: 'Too many attempts',
    detail: 'The limit is reached. Try again after the seconds in the header Retry-After.',
  },
  headers_too_large: {
    status: 431,
    title: 'Headers too large',
    detail: 'The headers are larger than the gateway accepts. Send fewer or shorter headers.',
  },
  server_error: {
    status: 500,
    title: 'Internal server error',
    detail: 'Unexpected error. The log has the cause under this requestId.',
  },
  provider_error: {
    status: 502,
    title: 'Invalid response of the provider',
    detail: 'The gateway cannot use the response of the provider. Start the sign-in again.',
  },
  provider_unavailable: {
    status: 502,
    title: 'Provider unreachable',
    detail: 'The gateway cannot connect to the provider. Try again later, or sign in another way.',
  },
  overloaded: {
    status: 503,
    title: 'The server is overloaded',
    detail: 'Too many requests are waiting. Try again after the seconds in the header Retry-After.',
  },
  database_unavailable: {
    status: 503,
    title: 'Database unavailable',
    detail: 'The database does not answer. Try again after the seconds in the header Retry-After.',
  },
  provider_timeout: {
    status: 504,
    title: 'Provider timeout',
    detail: 'The provider did not answer in time. Start the sign-in again.',
  },
} as const satisfies Record<string, ErrorEntry>

type ErrorEntry = { status: number; title: string; detail: string; event?: EventName }

/** The stable name of an error. */
export type ErrorCode = keyof typeof table

/** The table for documentation and tests. */
export const errorTable: Readonly<Record<ErrorCode, ErrorEntry>> = table

/** The closed list of the rules that a field of a request can break, with their descriptions. */
export const fieldRules = {
  required: 'The field is missing or empty.',
  type: 'The value has another JSON type.',
  unknown: 'The request has no such field.',
  too_short: 'The value has fewer than `limit` characters.',
  too_long: 'The value has more than `limit` characters.',
  unstorable: 'The value has a character that PostgreSQL cannot store.',
  invisible: 'The value has a control or invisible character.',
  unsettled: 'The value has a character that older databases do not know.',
  white_space: 'The value begins or ends with white space.',
  at_sign: 'The username has an `@`.',
  email: 'The value is not an e-mail address.',
  not_same: 'The repeated password differs from the password.',
  common: 'The password is one of the passwords that are guessed first.',
  context: 'The password is little more than the username or the name of the service.',
  breached: 'The password is known from a data breach.',
  invalid: 'The value breaks another rule, which `detail` names.',
} as const satisfies Record<string, string>

/** The stable name of a rule that a field breaks. */
export type FieldRule = keyof typeof fieldRules

/** One rejected field: the rule that it breaks, with its limit, and the reason in words. */
export type FieldError = { field: string; rule: FieldRule; limit?: number | undefined; detail: string }

type Details = {
  detail?: string
  errors?: FieldError[]
  headers?: Record<string, string>
  cause?: unknown
  event?: EventName
  about?: Facts
}

/**
 * The error class of requests. The caller sees `detail` and `errors`. The `cause` is only logged. `event` replaces the events of
 * the code and of the failed attempt, with the facts `about` it. The message is the given detail or else the title.
 */
export class GatewayError extends Error {
  readonly code: ErrorCode
  readonly status: number
  readonly title: string
  readonly detail: string
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
    this.detail = detail ?? table[code].detail
    this.errors = errors
    this.headers = headers
    this.event = event
    this.about = about
  }
}

/** An invalid configuration: every invalid variable by name, never by value. */
export class ConfigError extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`The configuration is not valid:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
    this.name = 'ConfigError'
    this.problems = problems
  }
}
