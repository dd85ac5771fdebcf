import type { ErrorCode } from '../errors.ts'
import { type EventName, eventTable } from '../events.ts'

const ofProvider = ['provider_denied', 'provider_error', 'provider_timeout', 'provider_unavailable'] as const
const ofCallback = [...ofProvider, 'invalid_state', 'query_too_long'] as const

/** The error codes of each event that has one. Metrics begin all of them at 0. */
const codes: Partial<Record<EventName, readonly ErrorCode[]>> = {
  'login.failed': [
    ...ofCallback,
    'invalid_credentials',
    'link_required',
    'signup_disabled',
    'user_inactive',
    'username_taken',
  ],
  'login.limited': ['rate_limited'],
  'request.limited': ['rate_limited'],
  'signup.failed': ['invalid_credentials', 'username_taken', 'validation_failed'],
  'exchange.failed': ['invalid_code'],
  'exchange.reuse': ['invalid_code'],
  'refresh.failed': ['invalid_token', 'origin_not_allowed'],
  'refresh.reuse': ['invalid_token'],
  'logout.refused': ['invalid_logout_token'],
  'password.refused': ['invalid_credentials'],
  'stepup.failed': [...ofCallback, 'fresh_authentication_required', 'invalid_credentials'],
  'stepup.required': ['fresh_authentication_required'],
  'identity.refused': [...ofCallback, 'identity_taken'],
  'provider.failed': ['provider_error', 'provider_timeout', 'provider_unavailable'],
  'form.refused': ['invalid_state'],
  'origin.refused': ['origin_not_allowed'],
  'state.refused': ['invalid_state'],
  'redirect.refused': ['redirect_not_allowed'],
  'webhook.refused': ['invalid_webhook_secret'],
  'role.denied': ['role_denied'],
}

/** Returns the error codes of an event; one empty text for an event without a code. */
export function codesOfEvent(name: EventName): readonly (ErrorCode | '')[] {
  return codes[name] ?? ['']
}

/** All pairs of an event and one of its codes. */
export const eventCodes = (Object.keys(eventTable) as EventName[]).flatMap((event) =>
  codesOfEvent(event).map((code) => ({ event, code })),
)
