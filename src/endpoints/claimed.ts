import type { Access, Context, HasuraClaims } from '../context.ts'

/** What the claims proxy left. Throws when a route forgot to pass it: there is no answer about a user without it. */
export function claimed(ctx: Context): { access: Access; claims: HasuraClaims } {
  const { access, claims } = ctx.state
  if (!access || !claims) throw new Error('this route does not pass the claims proxy')
  return { access, claims }
}
