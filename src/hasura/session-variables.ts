import { type Context, type HasuraClient, type Middleware, withContract } from '../context.ts'
import { GatewayError } from '../errors.ts'

/** Reads the session variables of an action. Names are compared without regard to case. */
export function readVariables(variables: Readonly<Record<string, string>>): HasuraClient {
  const find = (wanted: string) => {
    const values = Object.entries(variables).filter(([name]) => name.toLowerCase() === wanted)
    return values.length === 1 ? values[0]?.[1] : undefined
  }
  return { role: find('x-hasura-role'), userId: find('x-hasura-user-id') }
}

/** Reads the session variables that Hasura sends to a remote schema, as headers. */
export function readVariableHeaders(ctx: Context): HasuraClient {
  const find = (name: string) =>
    ctx.req.headers[name] === undefined ? undefined : Buffer.from(ctx.get(name), 'latin1').toString()
  return { role: find('x-hasura-role'), userId: find('x-hasura-user-id') }
}

/**
 * Requires that the session variables and the access token name the same user. Session variables alone are no proof: an
 * anonymous client or an admin can set any user id in them. Hasura also accepts a token whose session has ended.
 * Throws `invalid_token`.
 */
export function sameUser({ anonymousRole }: { anonymousRole: string | null }): Middleware {
  return withContract({ errors: ['invalid_token'] }, async function sameUser(ctx, next) {
    const { hasuraClient, access } = ctx.state
    const isSame = access !== undefined && hasuraClient?.userId === access.userId
    const isAnonymous = !hasuraClient?.role || hasuraClient.role === anonymousRole
    if (!isSame || isAnonymous) throw new GatewayError('invalid_token')
    await next()
  })
}
