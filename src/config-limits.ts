import type { Read } from './config-providers.ts'
import * as v from './config-values.ts'
import type { LimitSettings } from './limits/limits.ts'

/** Reads how often what may happen: a number, and the seconds of the window in which it counts. */
export function readLimits(read: Read): LimitSettings {
  const limit = (number: string, points: number, window: string, seconds: number) => ({
    points: read(number, v.integer(1, 1_000_000, points)),
    seconds: read(window, v.integer(1, 86_400, seconds)),
  })
  return {
    login: limit('AUTH_LOGIN_FAILURES', 10, 'AUTH_LOGIN_WINDOW', 300),
    account: limit('AUTH_ACCOUNT_FAILURES', 50, 'AUTH_ACCOUNT_WINDOW', 3600),
    address: limit('AUTH_ADDRESS_FAILURES', 100, 'AUTH_ADDRESS_WINDOW', 300),
    signup: limit('AUTH_SIGNUP_ATTEMPTS', 60, 'AUTH_SIGNUP_WINDOW', 3600),
    refresh: limit('AUTH_REFRESH_ATTEMPTS', 1000, 'AUTH_REFRESH_WINDOW', 300),
    callback: limit('AUTH_CALLBACK_ATTEMPTS', 100, 'AUTH_CALLBACK_WINDOW', 300),
  }
}
