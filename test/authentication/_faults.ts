import type { ErrorCode } from '../../src/errors.ts'
import { type Fault, faults } from '../_fake-provider.ts'

/** The end of a sign-in at a provider with a fault: a session, or the code of the error. */
export type FaultOutcome = 'session' | Extract<ErrorCode, `provider_${string}`>

/** The HTTP status of each outcome but a session. */
export const faultStatuses = {
  provider_denied: 401,
  provider_error: 502,
  provider_timeout: 504,
  provider_unavailable: 502,
}

/** Every fault of `faults`, and other status codes. */
export const allFaults: readonly Fault[] = [
  ...faults,
  'status:401',
  'status:403',
  'status:429',
  'status:503',
  'status:204',
]
