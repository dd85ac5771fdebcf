import { z } from 'zod'
import { requireClaims } from '../claims/claims-proxy.ts'
import { type Middleware, withContract } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { GatewayError } from '../errors.ts'
import type { Operation } from '../hasura/run-operation.ts'
import type { Transport } from './transport.ts'

const identityPath = z.object({
  provider: z.string().meta({ description: 'The name of the provider.', examples: ['github'] }),
})

/** DELETE /user/identities/:provider: unlinks a provider from the signed-in user. Throws `not_found` and `last_way_in`. */
export function unlinkIdentity({ identities }: Dependencies, { signedIn }: Transport) {
  return {
    guards: signedIn,
    input: null,
    steps: [
      withContract(
        {
          path: identityPath,
          answers: { 204: { description: 'The provider is no longer linked.' } },
          errors: ['not_found', 'last_way_in', 'database_unavailable'],
        },
        async function unlinkIdentity(ctx) {
          const { userId } = requireClaims(ctx).access
          const { provider = '' } = ctx.params ?? {}
          const isName = /^[a-z0-9-]+$/.test(provider)
          if (!isName || !(await identities.unlink(provider, userId)))
            throw new GatewayError('not_found', {
              detail: 'The user has no linked identity of this provider.',
            })
          ctx.state.announce('identity.unlinked', { provider })
          ctx.status = 204
        },
      ),
    ],
  } satisfies Operation
}

/** Ends the routes of providers that are not configured. Throws `not_found`. */
export const noProvider: Middleware = function noProvider() {
  throw new GatewayError('not_found', {
    detail:
      'The provider does not exist or is not configured. GET /providers lists the configured providers.',
  })
}
