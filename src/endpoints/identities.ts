import { z } from 'zod'
import { claimed } from '../claims/claims-proxy.ts'
import { type Middleware, withContract } from '../context.ts'
import { GatewayError } from '../errors.ts'
import type { Identities } from '../stores/identities.ts'

const identityPath = z.object({
  provider: z.string().meta({ description: 'The name of the provider.', examples: ['github'] }),
})

/** Unlinks the provider of the path from the signed-in user. Throws `not_found` and `last_way_in`. */
export function createUnlinkIdentity(identities: Pick<Identities, 'unlink'>): Middleware {
  return withContract(
    {
      path: identityPath,
      answers: { 204: { description: 'The provider is no longer linked.' } },
      errors: ['not_found', 'last_way_in', 'database_unavailable'],
    },
    async function unlinkIdentity(ctx) {
      const { userId } = claimed(ctx).access
      const { provider = '' } = (ctx as { params?: { provider?: string } }).params ?? {}
      const isName = /^[a-z0-9-]+$/.test(provider)
      if (!isName || !(await identities.unlink(provider, userId))) throw new GatewayError('not_found')
      ctx.state.announce('identity.unlinked', { provider })
      ctx.status = 204
    },
  )
}

/** The end of a route that only configured providers have, for all others. Throws `not_found`. */
export const noProvider: Middleware = function noProvider() {
  throw new GatewayError('not_found', { detail: 'There is no such provider, or it is not configured' })
}
