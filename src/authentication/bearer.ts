import { type Clock, type Context, type Contract, type Middleware, withContract } from '../context.ts'
import { GatewayError } from '../errors.ts'
import { readHeader } from '../http/request.ts'
import type { AccessTokens } from '../tokens/access-token.ts'

type BearerOptions = {
  accessTokens: Pick<AccessTokens, 'verify'>
  clock: Clock
  /** Returns the Authorization header, if there is exactly one; by default that of the request. */
  authorization?: (ctx: Context) => string | undefined
  contract?: Contract
}

/**
 * Verifies the access token of an `Authorization: Bearer` header (RFC 6750) and puts its content into
 * `ctx.state.bearer`. Throws `invalid_token`, also without a token.
 */
export function bearer({
  accessTokens,
  clock,
  authorization = (ctx) => readHeader(ctx, 'authorization'),
  contract = { credential: { kind: 'accessToken' } },
}: BearerOptions): Middleware {
  return withContract(
    { ...contract, errors: ['invalid_token', 'database_unavailable'] },
    async function bearer(ctx, next) {
      const token = bearerToken(authorization(ctx))
      if (token === undefined)
        throw new GatewayError('invalid_token', { headers: { 'WWW-Authenticate': 'Bearer' } })
      ctx.state.bearer = await accessTokens.verify(token, clock())
      await next()
    },
  )
}

/** Returns the token of an Authorization header; undefined for another scheme, and for a text that is no JWT. */
export function bearerToken(authorization: string | undefined): string | undefined {
  return /^Bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(authorization ?? '')?.[1]
}
