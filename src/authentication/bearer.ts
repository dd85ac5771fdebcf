import { type Clock, type Context, type Contract, type Middleware, withContract } from '../context.ts'
import { GatewayError } from '../errors.ts'
import type { AccessTokens } from '../tokens/access-token.ts'

/**
 * Verifies the access token of an `Authorization: Bearer` value (RFC 6750) and puts what it says into
 * `ctx.state.bearer`. Throws `invalid_token`, also when there is none.
 */
export function createBearer(
  accessTokens: Pick<AccessTokens, 'verify'>,
  clock: Clock,
  authorization: (ctx: Context) => string = (ctx) => ctx.get('authorization'),
  contract: Contract = { credential: { kind: 'accessToken' } },
): Middleware {
  return withContract(
    { ...contract, errors: ['invalid_token', 'database_unavailable'] },
    async function bearer(ctx, next) {
      const [, token] = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(authorization(ctx)) ?? []
      if (token === undefined)
        throw new GatewayError('invalid_token', { headers: { 'WWW-Authenticate': 'Bearer' } })
      ctx.state.bearer = await accessTokens.verify(token, clock())
      await next()
    },
  )
}
