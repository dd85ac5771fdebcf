import * as z from 'zod'
import { type Middleware, withContract } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'

const discoveryAnswer = z
  .strictObject({
    issuer: z.url().meta({ description: 'The `iss` of every access token.' }),
    jwks_uri: z.url().meta({ description: 'The address of the public keys.' }),
    id_token_signing_alg_values_supported: z
      .array(z.literal('RS256'))
      .meta({ description: 'The algorithm of the access tokens. There are no ID tokens.' }),
    subject_types_supported: z
      .array(z.literal('public'))
      .meta({ description: 'The `sub` of a user is the same for every app.' }),
    response_types_supported: z
      .array(z.string())
      .max(0)
      .meta({ description: 'None: there is no authorization endpoint of OpenID Connect.' }),
  })
  .meta({ title: 'Discovery' })

/** Returns true when verifiers accept the discovery document: they ask for it at the issuer of a token. */
export function hasDiscovery({
  issuer,
  publicUrl,
}: Pick<Dependencies['config'], 'issuer' | 'publicUrl'>): boolean {
  return issuer === publicUrl
}

/**
 * GET /.well-known/openid-configuration: answers with the issuer and the address of the keys, for verifiers that take
 * nothing else. It has only what is true of a gateway that is no OpenID provider (OpenID Connect Discovery 1.0, section 3).
 */
export function discovery({ config }: Dependencies): Middleware {
  const document: z.infer<typeof discoveryAnswer> = {
    issuer: config.issuer,
    jwks_uri: `${config.publicUrl}/jwks`,
    id_token_signing_alg_values_supported: ['RS256'],
    subject_types_supported: ['public'],
    response_types_supported: [],
  }
  return withContract(
    { answers: { 200: { description: 'The issuer and the address of the keys.', schema: discoveryAnswer } } },
    async function discovery(ctx) {
      ctx.set('Cache-Control', `public, max-age=${config.jwksMaxAge}`)
      ctx.body = document
    },
  )
}
