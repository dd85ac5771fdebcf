import type { Middleware } from '../context.ts'
import { GatewayError } from '../errors.ts'

/** The end of a route that only configured providers have, for all others. Throws `not_found`. */
export const noProvider: Middleware = function noProvider() {
  throw new GatewayError('not_found', { detail: 'There is no such provider, or it is not configured' })
}
