import type { ErrorCode } from '../errors.ts'
import { objectTypes, operations } from '../hasura/operations.ts'
import type { FindTypeDescription, MemberDescriptions } from './schemas.ts'

/** The name and the purpose of a route. */
export type RouteDescription = {
  tag: Tag
  id: string
  summary: string
  description: string
  body?: MemberDescriptions
}

/** The chapters of the reference. */
export const tags = {
  'Sign-in': 'Sign-up and sign-in, with a password or by redirect to a provider.',
  Sessions: 'Refresh, list and end sessions.',
  User: 'The signed-in user: profile, password, linked providers.',
  Hasura: 'The routes that the Hasura GraphQL Engine calls.',
  Operation: 'The routes for operators and tools.',
} as const

type Tag = keyof typeof tags

/** The introduction of the reference. */
export const introduction = {
  title: 'Claimgate',
  summary: 'A sign-in gateway for Hasura.',
  description: [
    'Signs users in and issues access tokens with the claims of the Hasura GraphQL Engine.',
    'Bodies are JSON objects in UTF-8. Members outside this document are rejected.',
    'Errors are `application/problem+json` (RFC 9457). Programs read `code`, which is from a closed list.',
    'Every answer has an `X-Request-Id`, which is also in the log. Send your own to trace a request across services.',
  ].join('\n\n'),
}

/** The names of the credentials. */
export const credentialNames = {
  accessToken: 'Access token',
  refreshCookie: 'Refresh cookie',
  actionSecret: 'Action secret',
  webhookSecret: 'Webhook secret',
}

/** The descriptions of the credentials. */
export const credentialDescriptions = {
  accessToken:
    'The `token` of a session, in the header `Authorization: Bearer`. The examples call it `$TOKEN`.',
  refreshCookie:
    'The refresh token in the cookie of the sign-in. The request must come from an allowed origin.',
  actionSecret: 'The value of `AUTH_ACTION_SECRET`, which Hasura and the gateway share.',
  webhookSecret:
    'The value of `AUTH_WEBHOOK_SECRET`, which Hasura and the gateway share. It may be in the query instead, as `secret`.',
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
      'Continues a session with its next pair of tokens. Each refresh token works once. For `AUTH_REFRESH_GRACE` seconds, the previous refresh token returns the same successor again. After that its reuse counts as theft, and the session ends.',
  },
  'POST /token/exchange': { tag: 'Sessions', id: 'exchangeCode', summary: 'Exchange a one-time code' },
  'POST /token/id-token': {
    tag: 'Sign-in',
    id: 'signInWithIdToken',
    summary: 'Sign in with an ID token',
    description:
      'For native apps: exchanges an ID token, which the SDK of the provider gives to the app, for a session. `aud` and `azp` must be the client id of the provider or one of `AUTH_<NAME>_CLIENT_IDS`. A token counts once, and for ten minutes.',
  },
  'POST /logout': {
    tag: 'Sessions',
    id: 'logout',
    summary: 'Log out',
    description:
      'Ends the session of a refresh token. Succeeds also when the session has already ended. With `provider`, returns the address at which the user also signs out at the OpenID provider with which the session began.',
  },
  'GET /user/sessions': {
    tag: 'Sessions',
    id: 'listSessions',
    summary: 'List the sessions',
    description:
      'Lists the sessions of the signed-in user, a page at a time. The header `Link` has the address of the next page.',
  },
  'DELETE /user/sessions/{id}': {
    tag: 'Sessions',
    id: 'endSession',
    summary: 'End a session',
    description: 'Ends one session of the signed-in user. The session of the request is allowed too.',
  },
  'GET /user': { tag: 'User', id: 'me', summary: 'Read the profile' },
  'POST /user/password': { tag: 'User', id: 'changePassword', summary: 'Change the password' },
  'POST /user/step-up': { tag: 'User', id: 'stepUp', summary: 'Authenticate again' },
  'DELETE /user/identities/{provider}': {
    tag: 'User',
    id: 'unlinkIdentity',
    summary: 'Unlink a provider',
    description:
      'Removes the provider as a way to sign in, and ends all other sessions that began with it. The last way to sign in is kept. Requires a fresh authentication: see `POST /user/step-up`.',
  },
  'GET /webhook': {
    tag: 'Hasura',
    id: 'webhook',
    summary: 'Webhook mode, GET',
    description:
      'Returns the current session variables of the client. Hasura forwards the headers of its client. A request without a token gets the anonymous role. A request with an invalid token is rejected.',
  },
  'POST /webhook': {
    tag: 'Hasura',
    id: 'postedWebhook',
    summary: 'Webhook mode, POST',
    description:
      'Does the same, with the headers of the client in the body. A header that is missing there is taken from the request. Two different values are rejected.',
  },
  'GET /jwks': {
    tag: 'Hasura',
    id: 'jwks',
    summary: 'Read the public keys',
    description: 'Returns the public keys that verify access tokens. Works without the database.',
  },
  'GET /.well-known/jwks.json': {
    tag: 'Hasura',
    id: 'wellKnownJwks',
    summary: 'Read the public keys at the well-known path',
    description: 'Returns the same as `/jwks`.',
  },
  'GET /.well-known/openid-configuration': {
    tag: 'Hasura',
    id: 'discovery',
    summary: 'Read the issuer and the address of the keys',
    description:
      'For verifiers of access tokens that take only an issuer (OpenID Connect Discovery). The gateway is no OpenID provider. The route exists when `AUTH_ISSUER` is the public URL.',
  },
  'POST /hasura/actions': {
    tag: 'Hasura',
    id: 'actions',
    summary: 'Answer an Action',
    description:
      'Runs the named Action: `signup`, `login`, `refreshToken`, `exchangeCode`, `logout`, `changePassword`, `stepUp`, `me` or `providers`. Errors have the format that Hasura forwards to its client. A 5xx becomes a 400, because Hasura hides the body of a 5xx.',
  },
  'POST /graphql': {
    tag: 'Hasura',
    id: 'graphql',
    summary: 'Answer as a remote schema',
    description:
      'Offers the Actions as a GraphQL schema. The body is one request; a list of requests is rejected. Hasura sends its session variables as headers.',
  },
  'GET /': {
    tag: 'Operation',
    id: 'index',
    summary: 'List the routes',
    description:
      'Returns the addresses of the routes to programs. With pages, redirects browsers to the sign-in or account page.',
  },
  'GET /healthz': {
    tag: 'Operation',
    id: 'healthz',
    summary: 'Check that the process runs',
    description: 'Succeeds also while the database is unavailable.',
  },
  'GET /readyz': {
    tag: 'Operation',
    id: 'readyz',
    summary: 'Check that requests can be served',
    description: 'Succeeds while the database answers and is migrated.',
  },
  'GET /metrics': {
    tag: 'Operation',
    id: 'metrics',
    summary: 'Read the metrics',
    description: 'Returns the metrics. Keep this route private: the metrics show the load of the gateway.',
  },
  'GET /openapi.json': {
    tag: 'Operation',
    id: 'openapi',
    summary: 'Read this document',
    description: 'Returns this document as OpenAPI 3.1. Its schemas also validate the requests.',
  },
}

/** The name and label of a provider. */
type Named = { name: string; label: string }

const pascal = (name: string) => name.replace(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase())

const providerRoutes = ({ name, label }: Named): typeof routes => ({
  [`GET /auth/${name}`]: {
    tag: 'Sign-in',
    id: `startSignInWith${pascal(name)}`,
    summary: `Sign in with ${label}`,
    description: `Open this route in a browser. It redirects to ${label}, and after the sign-in to \`redirect_to\` with a one-time code for \`POST /token/exchange\`. Without \`redirect_to\`, the callback answers with the session as JSON.`,
  },
  [`GET /auth/${name}/callback`]: {
    tag: 'Sign-in',
    id: `finishSignInWith${pascal(name)}`,
    summary: `Return from ${label}`,
    description: `${label} redirects the browser to this route. If the sign-in is valid and has a \`redirect_to\`, errors are sent there too, as \`error\` and \`error_description\`. A sign-in from a page ends on a page. With pages, a browser without a valid sign-in is redirected to the sign-in page.`,
  },
  [`POST /auth/${name}/callback`]: {
    tag: 'Sign-in',
    id: `receiveAnswerOf${pascal(name)}`,
    summary: `Receive the answer of ${label}`,
    description: `The page of ${label} sends its answer here, as a form. The browser is redirected to the same address with GET, because it sends the cookie of the sign-in only then.`,
  },
  [`POST /auth/${name}/backchannel-logout`]: {
    tag: 'Sessions',
    id: `receiveLogoutOf${pascal(name)}`,
    summary: `Receive a logout of ${label}`,
    description: `${label} sends a logout token when a user signs out there (OpenID Connect Back-Channel Logout 1.0). The sessions that the token names end, if they began at ${label} and before the token. A token counts once.`,
  },
  [`POST /user/identities/${name}`]: {
    tag: 'User',
    id: `link${pascal(name)}`,
    summary: `Link ${label}`,
    description: `Returns the URL that links ${label} to the signed-in user. Afterwards the browser is redirected to \`redirectTo\` with \`linked=${name}\`. Requires a fresh authentication: see \`POST /user/step-up\`.`,
  },
})

/** Finds the description of a route by method and path, such as `POST /login`. Throws for a route without a description. */
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

/** Finds the description of a type in the schema of Hasura. */
export const findTypeDescription: FindTypeDescription = (title) =>
  objectTypes[`Auth${title === 'BrowserSession' ? 'Session' : title}`]

/** The causes of each error, for callers. docs/reference/errors.md has the same sentences. */
export const errorDescriptions: Readonly<Record<ErrorCode, string>> = {
  malformed_request:
    'The body is not JSON, has a member twice, is nested too deeply, has too many parts, or ended early.',
  invalid_logout_token:
    'The logout token of a provider is invalid, was used before, or names only sessions that began later. `detail` has the reason.',
  invalid_credentials:
    'The username or password is wrong, or the user is deactivated. The answer is the same for all three. Or the ID token is invalid, too old or used before.',
  invalid_token:
    'The access or refresh token is missing, invalid, expired or used before, or its session has ended.',
  invalid_code:
    'The one-time code is wrong, older than 60 seconds or used before, or the code verifier does not match.',
  provider_denied: 'The user declined at the provider, or the provider rejected its own code.',
  invalid_webhook_secret:
    'The request of `/webhook` has no secret or another one than `AUTH_WEBHOOK_SECRET`.',
  role_denied: 'Hasura asked `/webhook` for a role that the user does not have.',
  invalid_state:
    'The provider sign-in was started in another browser, took too long or came back twice. Or the form of a page has expired.',
  redirect_not_allowed:
    '`redirect_to` is not in `AUTH_REDIRECT_ORIGINS`. The detail, the page and the log name its origin.',
  origin_not_allowed:
    'A refresh cookie came from an origin outside `AUTH_CORS_ORIGINS`, or the form of a page from another origin than the public URL.',
  fresh_authentication_required:
    'The last authentication is older than `AUTH_FRESH_SECONDS`, and the request changes the ways to sign in.',
  signup_disabled: 'A new user signed up while `AUTH_SIGNUP=false`.',
  password_api_disabled:
    'The request has a password of a user, and `AUTH_PASSWORD_API=false`: users type passwords on the pages only.',
  user_inactive: 'A deactivated user signed in with a provider.',
  not_found: 'The route, Action or resource does not exist, or the provider is not configured.',
  method_not_allowed: 'The route does not have this method; `Allow` lists its methods.',
  request_timeout: 'The request was not complete within `AUTH_REQUEST_TIMEOUT`.',
  username_taken: 'Another user has this username, perhaps in another case.',
  link_required: 'Another user has verified this e-mail address. Sign in as that user and link the provider.',
  identity_taken: 'The provider identity is linked to another user. The gateway never merges users.',
  last_way_in: 'Unlinking would leave the user without a way to sign in.',
  body_too_large:
    'The body has more than 16 KB; 64 KB for `/graphql`; 1 MB for `/webhook` and `/hasura/actions`.',
  query_too_long: 'The query has more than 2048 characters; 20,480 at the callback of a provider.',
  unsupported_media_type:
    'The body is not `application/json` in UTF-8, or no form where the route reads a form.',
  validation_failed: 'Members or parameters are invalid; `errors` lists each with the reason.',
  headers_too_large: 'The headers have more than 16 KB; 32 KB at the callback of a provider.',
  rate_limited: 'Too many attempts; `Retry-After` has the seconds to wait.',
  server_error: 'Unexpected error. The log has the cause under the `requestId`.',
  provider_error: 'The gateway cannot use the response of the provider, such as an invalid ID token.',
  provider_unavailable: 'The gateway cannot connect to the provider.',
  overloaded:
    'Too many requests, in all or from one address, wait for a password check, or this one has waited too long; `Retry-After` has the seconds to wait.',
  database_unavailable:
    'The database is unreachable or too slow. `detail` says when a statement or a locked row took longer than `AUTH_DATABASE_TIMEOUT` allows. `Retry-After` has the seconds to wait.',
  provider_timeout: 'The provider did not answer within `AUTH_PROVIDER_TIMEOUT`.',
}
