import {
  type ActiveSession,
  type Context,
  type HasuraClaims,
  type Middleware,
  requireState,
  withContract,
} from '../context.ts'
import type { ErrorCode } from '../errors.ts'
import { createHasuraClaims, type RoleRules } from './hasura-claims.ts'

type ClaimsProxyOptions = {
  roles: RoleRules
  /** Reads the session and its user, with their `user_role` rows. */
  read: (ctx: Context) => Promise<ActiveSession> | ActiveSession
  /** The error that `read` throws when there is no such session. */
  refused: ErrorCode
}

/**
 * Makes the claims of the session that `read` returns. Every route passes this step before it says what a user may be:
 * tokens and webhook answers are made of its result. When the rows cannot be read, the request fails.
 */
export function claimsProxy({ roles, read, refused }: ClaimsProxyOptions): Middleware {
  // A cached session comes again.
  const made = new WeakMap<ActiveSession, HasuraClaims>()
  return withContract({ errors: [refused, 'database_unavailable'] }, async function claimsProxy(ctx, next) {
    const access = await read(ctx)
    ctx.state.access = access
    ctx.state.claims = made.get(access) ?? make(ctx, access)
    await next()
  })

  function make(ctx: Context, access: ActiveSession): HasuraClaims {
    const claims = createHasuraClaims(access, roles)
    made.set(access, claims)
    const { leftOut } = claims
    if (leftOut.length > 0) ctx.state.log.warn({ userId: access.userId, leftOut }, 'roles or claims left out')
    return claims
  }
}

/** Returns the session and the claims that the claims proxy has made. Throws on a route without the claims proxy. */
export function requireClaims(ctx: Context): { access: ActiveSession; claims: HasuraClaims } {
  return { access: requireState(ctx, 'access'), claims: requireState(ctx, 'claims') }
}
