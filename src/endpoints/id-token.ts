import { createHash } from 'node:crypto'
import * as z from 'zod'
import { resolveIdentity } from '../authentication/identity.ts'
import { readUser } from '../authentication/openid-strategy.ts'
import type { RelyingParty } from '../authentication/relying-party.ts'
import { type IdTokenClaims, withContract } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { GatewayError } from '../errors.ts'
import type { Operation } from '../hasura/run-operation.ts'
import { withBody } from '../http/body.ts'
import { addressLimit } from '../limits/middleware.ts'
import type { Transport } from './transport.ts'

const idTokenBody = z.strictObject({
  provider: z.string().meta({ description: 'The name of the provider.', examples: ['google'] }),
  idToken: z.string().meta({
    description: 'The ID token of the provider.',
    examples: ['eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMDAxIn0.c2lnbmF0dXJl'],
  }),
  nonce: z
    .string()
    .meta({
      description: 'The `nonce` of the ID token. Required if the token has one.',
      examples: ['n-0S6_WzA2Mj'],
    })
    .optional(),
})

// In milliseconds: longer than a token counts.
const kept = 900_000

/**
 * POST /token/id-token: signs in the user of an ID token that a native app has from the provider. The token counts once.
 * The first sign-in creates the user. Throws `not_found` for a provider without ID tokens, and `invalid_credentials`.
 */
export function signInWithIdToken(deps: Dependencies, { signIn }: Transport) {
  const { idTokenParties, oneTimeCodes, limits, clock } = deps

  async function check(party: RelyingParty, idToken: string, nonce?: string): Promise<IdTokenClaims> {
    try {
      return await party.verifyIdToken(idToken, nonce)
    } catch (error) {
      if (error instanceof GatewayError) throw error
      throw refuse('The ID token is invalid or too old', error)
    }
  }

  return {
    guards: [],
    input: idTokenBody,
    steps: [
      addressLimit({ limits, name: 'callback' }),
      withContract(
        {
          errors: [
            'not_found',
            'invalid_credentials',
            'provider_error',
            'provider_timeout',
            'provider_unavailable',
            'database_unavailable',
          ],
        },
        withBody(idTokenBody, async function verifySentIdToken(ctx, { provider, idToken, nonce }, next) {
          const findParty = idTokenParties.get(provider)
          if (!findParty)
            throw new GatewayError('not_found', {
              detail: 'The provider does not exist, is not configured, or signs no ID tokens.',
            })
          ctx.state.attempt = { provider, ok: 'login.ok', failed: 'login.failed' }
          const party = await findParty()
          const claims = await check(party, idToken, nonce).catch((error: GatewayError) => {
            if (error.code !== 'invalid_credentials')
              ctx.state.announce('provider.failed', { provider, code: error.code })
            throw error
          })
          ctx.state.identity = await readUser(party, claims)
          if (!(await oneTimeCodes.consume(hashOf(provider, idToken), new Date(clock().getTime() + kept))))
            throw refuse('The ID token was used before')
          await next()
          ctx.state.announce('login.ok')
        }),
      ),
      resolveIdentity(deps),
      ...signIn,
    ],
  } satisfies Operation
}

function refuse(problem: string, cause?: unknown): GatewayError {
  const detail = `${problem}. Sign in at the provider again.`
  return new GatewayError('invalid_credentials', { detail, cause })
}

/** Returns the hash of the signed part, because a signature has several spellings. */
function hashOf(provider: string, idToken: string): Uint8Array {
  const signed = idToken.slice(0, idToken.lastIndexOf('.'))
  return createHash('sha256').update(`id-token\n${provider}\n${signed}`).digest()
}
