import type { HasuraClaims } from '../claims/hasura-claims.ts'
import type { Context } from '../context.ts'
import type { Access } from '../stores/access.ts'

/** What the claims proxy left. Throws when a route forgot to pass it: there is no answer about a user without it. */
export function claimed(ctx: Context): { access: Access; claims: HasuraClaims } {
  const { access, claims } = ctx.state
  if (!access || !claims) throw new Error('this route does not pass the claims proxy')
  return { access, claims }
}
