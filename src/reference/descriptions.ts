import type { ErrorCode } from '../errors.ts'
import { objectTypes, operations } from '../hasura/operations.ts'
import type { FindTypeDescription, MemberDescriptions } from './schemas.ts'

/** What a route is called, and what it is for. */
export type RouteDescription = {
  tag: Tag
  id: string
  summary: string
  description: string
  body?: MemberDescriptions
}

/** The chapters of the reference. */
export const tags = {
  'Sign-in': 'Who are you? With a password here, or by redirect to a provider.',
  Sessions: 'How long? The next pair of tokens, and the end of a session.',
  User: 'The signed-in user: profile, password, linked providers.',
  Hasura: 'What the Hasura GraphQL Engine asks for.',
  Operation: 'For those who run the gateway, and for tools.',
} as const

type Tag = keyof typeof tags

/** What stands before the routes. */
export const introduction = {
  title: 'Claimgate',
  summary: 'Passport in, Hasura claims out.',
  description: [
    'Signs people in and gives them an access token whose claims the Hasura GraphQL Engine accepts as they are.',
    'Bodies are JSON objects in UTF-8. A member that is not in this document is refused.',
    'Errors are `application/problem+json` (RFC 9457); programs look at `code`, which comes from a closed list.',
    'Every answer has an `X-Request-Id`, which is in the log too; send your own to follow a request across services.',
  ].join('\n\n'),
}

/** How callers show who they are. */
export const credentialNames = {
  accessToken: 'Access token',
  refreshCookie: 'Refresh cookie',
  actionSecret: 'Action secret',
}

/** How callers show who they are, in a sentence. */
export const credentialDescriptions = {
  accessToken:
    'The `token` of a session, which a sign-in answers: `Authorization: Bearer` and the token. In the examples it is `$TOKEN`.',
  refreshCookie:
    'The refresh token in the cookie that a sign-in has set. The request must come from an allowed origin.',
  actionSecret: 'What Hasura and the gateway share as `AUTH_ACTION_SECRET`.',
}

const routes: Record<string, Omit<RouteDescription, 'description' | 'body'> & { description?: string }> = {
  'POST /signup': { tag: 'Sign-in', id: 'signup', summary: 'Sign up' },
  'POST /login': { tag: 'Sign-in', id: 'login', summary: 'Log in' },
  'GET /providers': { tag: 'Sign-in', id: 'providers', summary: 'List the ways to sign in' },
  'POST /token': {
    tag: 'Sessions',
    id: 'refreshToken',
    summary: 'Refresh the session',
    description:
      'Continues a session with its next pair of tokens. Each refresh token works once; the one before the current one gives the same successor again for `AUTH_REFRESH_GRACE` seconds. After that it counts as stolen, and the session ends.',
  },
  'POST /token/exchange': { tag: 'Sessions', id: 'exchangeCode', summary: 'Exchange a one-time code' },
  'POST /logout': { tag: 'Sessions', id: 'logout', summary: 'Log out' },
  'GET /user/sessions': {
    tag: 'Sessions',
    id: 'listSessions',
    summary: 'List the sessions',
    description: 'Where the signed-in user is signed in.',
  },
  'DELETE /user/sessions/{id}': {
    tag: 'Sessions',
    id: 'endSession',
    summary: 'End a session',
    description: 'Ends one session of the signed-in user, also that of this request.',
  },
  'GET /user': { tag: 'User', id: 'me', summary: 'Read the profile' },
  'POST /user/password': { tag: 'User', id: 'changePassword', summary: 'Change the password' },
  'DELETE /user/identities/{provider}': {
    tag: 'User',
    id: 'unlinkIdentity',
    summary: 'Unlink a provider',
    description: 'The user can no longer sign in with it. The last way to sign in stays.',
  },
  'GET /webhook': {
    tag: 'Hasura',
    id: 'webhook',
    summary: 'Webhook mode, GET',
    description:
      "Says what the client of a request may be at this moment. Hasura hands on the client's own headers. Without a token it is the anonymous role; a bad token is never anonymous.",
  },
  'POST /webhook': {
    tag: 'Hasura',
    id: 'postedWebhook',
    summary: 'Webhook mode, POST',
    description: "The same, with the client's headers in the body.",
  },
  'GET /jwks': {
    tag: 'Hasura',
    id: 'jwks',
    summary: 'Read the public keys',
    description: 'With these keys anybody can check an access token. Needs no database.',
  },
  'GET /.well-known/jwks.json': {
    tag: 'Hasura',
    id: 'wellKnownJwks',
    summary: 'Read the public keys, at the usual place',
    description: 'The same as `/jwks`.',
  },
  'POST /hasura/actions': {
    tag: 'Hasura',
    id: 'actions',
    summary: 'Answer an Action',
    description:
      'Does what the Action of that name does: `signup`, `login`, `refreshToken`, `exchangeCode`, `logout`, `changePassword`, `me` or `providers`. Failures have the form that Hasura hands on to its client; what would be a 5xx is a 400, because Hasura hides the others.',
  },
  'POST /graphql': {
    tag: 'Hasura',
    id: 'graphql',
    summary: 'Answer as a remote schema',
    description:
      'The Actions as a GraphQL schema of their own. One request, not a list of them. Hasura sends its session variables as headers.',
  },
  'GET /': {
    tag: 'Operation',
    id: 'index',
    summary: 'See what is here',
    description:
      'Programs get the addresses of the routes; people get to the sign-in page or their account, where there are pages.',
  },
  'GET /healthz': {
    tag: 'Operation',
    id: 'healthz',
    summary: 'Is the process alive?',
    description: 'Asks nothing else, so also while the database is away.',
  },
  'GET /readyz': {
    tag: 'Operation',
    id: 'readyz',
    summary: 'Can requests be served?',
    description: 'Whether the database answers and is migrated.',
  },
  'GET /metrics': {
    tag: 'Operation',
    id: 'metrics',
    summary: 'Read the metrics',
    description: 'Keep it away from the public: it says how much goes on here.',
  },
  'GET /openapi.json': {
    tag: 'Operation',
    id: 'openapi',
    summary: 'Read this document',
    description: 'OpenAPI 3.1, made from the schemas that check the requests.',
  },
}

/** A provider as people and paths name it. */
type Named = { name: string; label: string }

const pascal = (name: string) => name.replace(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase())

const providerRoutes = ({ name, label }: Named): typeof routes => ({
  [`GET /auth/${name}`]: {
    tag: 'Sign-in',
    id: `startSignInWith${pascal(name)}`,
    summary: `Sign in with ${label}`,
    description: `Visited by a browser, not fetched: it goes to ${label} and comes back to \`redirect_to\` with a one-time code, for \`POST /token/exchange\`. Without \`redirect_to\` it ends with the session as JSON.`,
  },
  [`GET /auth/${name}/callback`]: {
    tag: 'Sign-in',
    id: `finishSignInWith${pascal(name)}`,
    summary: `Come back from ${label}`,
    description: `Where ${label} sends the browser. Once the sign-in is known to be ours and has a \`redirect_to\`, a failure goes there too, as \`error\` and \`error_description\`. Where there are pages, a sign-in that was begun on one ends there, and a browser whose sign-in is not known is sent to them.`,
  },
  [`POST /user/identities/${name}`]: {
    tag: 'User',
    id: `link${pascal(name)}`,
    summary: `Link ${label}`,
    description: `Afterwards the signed-in user can also sign in with ${label}. The browser comes back to \`redirectTo\` with \`linked=${name}\`.`,
  },
})

/** Finds the words of a route by method and path, such as `POST /login`. Throws for a route that nobody described. */
export function createFindRouteDescription(providers: readonly Named[]): (route: string) => RouteDescription {
  const table = Object.assign({}, routes, ...providers.map(providerRoutes)) as typeof routes
  return (route) => {
    const found = Object.hasOwn(table, route) ? table[route] : undefined
    if (!found) throw new Error(`src/reference/descriptions.ts does not describe ${route}`)
    const shared = Object.entries(operations).find(([name]) => name === found.id)?.[1]
    return {
      ...found,
      description: found.description ?? shared?.description ?? '',
      ...(shared && { body: shared.arguments }),
    }
  }
}

/** What Hasura's schema says of a type, it says of ours. */
export const findTypeDescription: FindTypeDescription = (title) =>
  objectTypes[`Auth${title === 'BrowserSession' ? 'Session' : title}`]

/** When each error happens, for those who meet it. docs/reference/errors.md has the same sentences. */
export const errorDescriptions: Readonly<Record<ErrorCode, string>> = {
  malformed_request:
    'The body is not JSON, has a member twice, is nested too deeply, has too many parts, or ended early.',
  invalid_credentials: 'Wrong username or password, or a deactivated user; one answer for all of them.',
  invalid_token: 'Access or refresh token missing, wrong, expired, used before, or its session has ended.',
  invalid_code: 'One-time code wrong, older than 60 seconds, used before, or the verifier does not fit.',
  provider_denied: 'The person declined, or the provider did not accept its own code.',
  role_denied: '`/webhook` was asked for a role that the user does not have.',
  invalid_state:
    'The provider sign-in was not started in this browser, took too long, or came back twice; or the form of a page was open for too long.',
  redirect_not_allowed: 'The origin of `redirect_to` is not in `AUTH_REDIRECT_ORIGINS`.',
  origin_not_allowed:
    'A refresh cookie came from an origin that is not in `AUTH_CORS_ORIGINS`, or a form of our pages from anywhere else.',
  signup_disabled: 'Somebody new, while `AUTH_SIGNUP=false`.',
  user_inactive: 'A provider sign-in of a deactivated user.',
  not_found: 'No such route or Action, or a provider that is not configured.',
  method_not_allowed: 'The route exists for the methods in `Allow`.',
  request_timeout: 'The request did not come to an end within `AUTH_REQUEST_TIMEOUT`.',
  username_taken: "Somebody has this username, perhaps in other letters' case.",
  link_required:
    'Another user has proven this e-mail address to be theirs. Sign in as that user and link the provider.',
  identity_taken: 'This provider identity is linked to another user; two users are never merged.',
  last_way_in: 'Unlinking would leave the user without a way to sign in.',
  body_too_large: 'More than 16 KB, 64 KB for `/graphql`, or 1 MB for `/webhook` and `/hasura/actions`.',
  query_too_long: 'A query of more than 2048 characters.',
  unsupported_media_type: 'Not `application/json` in UTF-8.',
  validation_failed: '`errors` says which members or parameters, and why.',
  headers_too_large: 'More than 16 KB of headers.',
  rate_limited: 'Too many attempts; `Retry-After` says in how many seconds to come again.',
  server_error: 'Our mistake. The log has the cause under the `requestId`.',
  provider_error: 'The provider answered something that makes no sense.',
  overloaded: 'Too many passwords are waiting to be checked; see `Retry-After`.',
  database_unavailable: 'The database is away or too slow; see `Retry-After`.',
  provider_timeout: 'The provider did not answer within `AUTH_PROVIDER_TIMEOUT`.',
}
