import * as z from 'zod'
import { requireClaims } from '../claims/claims-proxy.ts'
import { type Middleware, withContract } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { GatewayError } from '../errors.ts'
import type { Operation } from '../hasura/run-operation.ts'
import { freshAuthentication } from '../sessions/fresh-authentication.ts'
import type { Transport } from './transport.ts'

const identityPath = z.object({
  provider: z.string().meta({ description: 'The name of the provider.', examples: ['github'] }),
})

/**
 * DELETE /user/identities/:provider: unlinks a provider from the signed-in user, and ends their other sessions that began
 * with it. Throws `fresh_authentication_required`, `not_found` and `last_way_in`.
 */
export function unlinkIdentity(deps: Dependencies, { signedIn }: Transport) {
  const { identities, clock } = deps
  return {
    guards: signedIn,
    input: null,
    steps: [
      freshAuthentication(deps),
      withContract(
        {
          path: identityPath,
          answers: {
            204: {
              description:
                'The provider is no longer linked, and all other sessions that began with it have ended.',
            },
          },
          errors: ['not_found', 'last_way_in', 'database_unavailable'],
        },
        async function unlinkIdentity(ctx) {
          const { userId, sessionId } = requireClaims(ctx).access
          const { provider = '' } = ctx.params ?? {}
          const isName = /^[a-z0-9-]+$/.test(provider)
          if (!isName || !(await identities.unlink(provider, userId, sessionId, clock())))
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
