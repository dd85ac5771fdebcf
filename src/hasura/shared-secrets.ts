import { createHash, timingSafeEqual } from 'node:crypto'
import * as z from 'zod'
import { type Middleware, withContract } from '../context.ts'
import { GatewayError } from '../errors.ts'

/**
 * Requires the secret that is shared with Hasura in the header `X-Action-Secret`. Throws `not_found`, so that a client
 * without the secret cannot tell the route from a missing one.
 */
export function requireSecret({ secret }: { secret: string }): Middleware {
  const isExpected = createComparison(secret)
  return withContract(
    { credential: { kind: 'actionSecret' }, errors: ['not_found'] },
    async function requireSecret(ctx, next) {
      if (!isExpected(headerBytes(ctx.get('x-action-secret')))) throw new GatewayError('not_found')
      await next()
    },
  )
}

/** The query of a hook's URL. */
const hookQuery = z.object({
  secret: z
    .string()
    .meta({
      description: 'The secret, in the URL of a hook that cannot send headers of its own (Hasura v2).',
    })
    .optional(),
})

/**
 * Requires the secret of `/webhook` in the header `X-Webhook-Secret` or in the query, as `?secret=`. Throws
 * `invalid_webhook_secret`, a 401, because Hasura would answer its client with 500 for any other status.
 */
export function requireWebhookSecret({ secret }: { secret: string }): Middleware {
  const isExpected = createComparison(secret)
  return withContract(
    { credential: { kind: 'webhookSecret' }, query: hookQuery, errors: ['invalid_webhook_secret'] },
    async function requireWebhookSecret(ctx, next) {
      // Hasura forwards headers of its clients by GET. A wrong one beside the right URL is no reason to refuse.
      const sent = [headerBytes(ctx.get('x-webhook-secret')), ...secretsOf(ctx.querystring)]
      if (!sent.some(isExpected)) throw new GatewayError('invalid_webhook_secret')
      await next()
    },
  )
}

/** Returns the value of `secret` in a query, as bytes; an empty list without a value, or with several. */
function secretsOf(querystring: string): Buffer[] {
  const values = [...querystring.matchAll(/(?:^|&)secret=([^&]*)/g)].map(([, value = '']) => value)
  if (values.length !== 1) return []
  try {
    // Not as in a form: the "+" of a secret in base64 stays.
    return [Buffer.from(decodeURIComponent(values[0] as string))]
  } catch {
    return []
  }
}

/** Returns the bytes of a header value, which Node decodes as Latin-1. */
function headerBytes(value: string): Buffer {
  return Buffer.from(value, 'latin1')
}

/** Creates a comparison in constant time. timingSafeEqual requires equal lengths, which the digests have. */
export function createComparison(expected: string): (sent: Buffer) => boolean {
  const right = digest(expected)
  return (sent) => timingSafeEqual(digest(sent), right)
}

function digest(value: string | Buffer): Buffer {
  return createHash('sha256').update(value).digest()
}
