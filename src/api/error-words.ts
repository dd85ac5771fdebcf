import type { ErrorCode } from '../errors.ts'

/** When each error happens, for those who meet it. The README has the same sentences. */
export const errorWords: Readonly<Record<ErrorCode, string>> = {
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
