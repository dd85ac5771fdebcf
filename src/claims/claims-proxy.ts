import { type Access, type Context, type HasuraClaims, type Middleware, withContract } from '../context.ts'
import type { ErrorCode } from '../errors.ts'
import { createHasuraClaims, type RoleRules } from './hasura-claims.ts'

/**
 * The step that every route passes before it says what a user may be: `read` looks up the session's user with their
 * `user_role` rows, and the result is what tokens and webhook answers are made of. When the rows cannot be read the
 * request fails; there is no token without them. `refused` is what `read` throws.
 */
export function createClaimsProxy(
  rules: RoleRules,
  read: (ctx: Context) => Promise<Access>,
  refused: ErrorCode,
): Middleware {
  // What is read may be remembered and come again.
  const made = new WeakMap<Access, HasuraClaims>()
  return withContract({ errors: [refused, 'database_unavailable'] }, async function claimsProxy(ctx, next) {
    const access = await read(ctx)
    ctx.state.access = access
    ctx.state.claims = made.get(access) ?? make(ctx, access)
    await next()
  })

  function make(ctx: Context, access: Access): HasuraClaims {
    const claims = createHasuraClaims(access, rules)
    made.set(access, claims)
    if (claims.leftOut.length > 0) {
      ctx.state.log.warn({ userId: access.userId, leftOut: claims.leftOut }, 'left out of the claims')
    }
    return claims
  }
}

/** What the claims proxy left. Throws when a route forgot to pass it: there is no answer about a user without it. */
export function claimed(ctx: Context): { access: Access; claims: HasuraClaims } {
  const { access, claims } = ctx.state
  if (!access || !claims) throw new Error('this route does not pass the claims proxy')
  return { access, claims }
}
