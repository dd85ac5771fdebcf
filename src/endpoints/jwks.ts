import * as z from 'zod'
import { type Middleware, withContract } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'

const jwksAnswer = z
  .strictObject({
    keys: z
      .array(
        z.strictObject({
          kty: z.literal('RSA').meta({ description: 'The key type.' }),
          use: z.literal('sig').meta({ description: 'The use of the key: signatures.' }),
          alg: z.literal('RS256').meta({ description: 'The signature algorithm.' }),
          kid: z.string().meta({
            description: 'The key ID.',
            examples: ['NmoaR-HgNGg8MkPBYqnZMGKqXJ0h1pIyWqBoJEhVYmw'],
          }),
          n: z.base64url().meta({ description: 'The RSA modulus.', examples: ['xYqLWmJ4fN9vT2Kd_w'] }),
          e: z.base64url().meta({ description: 'The RSA public exponent.', examples: ['AQAB'] }),
        }),
      )
      .meta({ description: 'The signing keys, the next keys, and the keys of unexpired tokens.' }),
  })
  .meta({ title: 'KeySet' })

/** GET /jwks: answers with the public keys (RFC 7517), from memory. Hasura caches them for `jwksMaxAge` seconds. */
export function jwks({ keys, config }: Dependencies): Middleware {
  return withContract(
    { answers: { 200: { description: 'The public keys (RFC 7517).', schema: jwksAnswer } } },
    async function jwks(ctx) {
      ctx.set('Cache-Control', `public, max-age=${config.jwksMaxAge}`)
      ctx.type = 'application/json'
      ctx.body = keys.jwks
    },
  )
}
