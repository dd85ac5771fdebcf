import type { Middleware } from '../context.ts'
import { GatewayError } from '../errors.ts'

/** Says that the process runs; asks nothing else. */
export function createHealthz(): Middleware {
  return async function healthz(ctx) {
    ctx.body = { status: 'ok' }
  }
}

/** Says whether requests can be served: the database is reachable and migrated. `isReady` may throw. */
export function createReadyz(isReady: () => Promise<boolean>): Middleware {
  return async function readyz(ctx) {
    if (!(await isReady()))
      throw new GatewayError('database_unavailable', { headers: { 'Retry-After': '5' } })
    ctx.body = { status: 'ready' }
  }
}
