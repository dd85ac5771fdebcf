import { createHash, timingSafeEqual } from 'node:crypto'
import { type Middleware, withContract } from '../context.ts'
import { GatewayError } from '../errors.ts'

/**
 * Closes a route to everybody who does not send the secret that is shared with Hasura, as `X-Action-Secret`. Throws
 * `not_found`: for others, the route is not there.
 */
export function requireSecret({ secret }: { secret: string }): Middleware {
  const expected = digest(secret)
  return withContract(
    { credential: { kind: 'actionSecret' }, errors: ['not_found'] },
    async function requireSecret(ctx, next) {
      // Node reads the bytes of a header as Latin-1. The digests are equally long, so comparing them takes the same time.
      const sent = digest(Buffer.from(ctx.get('x-action-secret'), 'latin1'))
      if (!timingSafeEqual(sent, expected)) throw new GatewayError('not_found')
      await next()
    },
  )
}

function digest(value: string | Buffer): Buffer {
  return createHash('sha256').update(value).digest()
}
