import { createHash, timingSafeEqual } from 'node:crypto'
import { type Middleware, withContract } from '../context.ts'
import { GatewayError } from '../errors.ts'

/**
 * Requires the secret that is shared with Hasura in the header `X-Action-Secret`. Throws `not_found`, so that a client
 * without the secret cannot tell the route from a missing one.
 */
export function requireSecret({ secret }: { secret: string }): Middleware {
  const expected = digest(secret)
  return withContract(
    { credential: { kind: 'actionSecret' }, errors: ['not_found'] },
    async function requireSecret(ctx, next) {
      // Node decodes header bytes as Latin-1. timingSafeEqual requires equal lengths, which the digests have.
      const sent = digest(Buffer.from(ctx.get('x-action-secret'), 'latin1'))
      if (!timingSafeEqual(sent, expected)) throw new GatewayError('not_found')
      await next()
    },
  )
}

function digest(value: string | Buffer): Buffer {
  return createHash('sha256').update(value).digest()
}
