import { z } from 'zod'
import { type Clock, type Context, type Middleware, withContract } from '../context.ts'
import { GatewayError } from '../errors.ts'
import type { Identities, ProviderIdentity } from '../stores/identities.ts'
import { suggestUsernames } from './username.ts'

/**
 * Finds the user of the identity that came back, or makes one. Throws `user_inactive`, and what `findOrCreate` throws.
 */
export function createResolveIdentity(
  identities: Pick<Identities, 'findOrCreate'>,
  signup: boolean,
  clock: Clock,
): Middleware {
  return withContract(
    {
      errors: ['user_inactive', 'signup_disabled', 'link_required', 'username_taken', 'database_unavailable'],
    },
    async function resolveIdentity(ctx, next) {
      const profile = requireProfile(ctx)
      const names = suggestUsernames(profile, profile.provider)
      const user = await identities.findOrCreate(toIdentity(profile), names, signup, clock())
      if (user.isNew) ctx.state.announce('signup', { userId: user.id })
      if (!user.active) throw new GatewayError('user_inactive', { about: { userId: user.id } })
      ctx.state.user = { id: user.id }
      await next()
    },
  )
}

const linkedAnswer = z.strictObject({
  linked: z.string().meta({ description: 'The name of the provider.', examples: ['github'] }),
})

/**
 * Ends a round trip that began with POST /user/identities/:provider: links the identity to the user who asked, in the
 * session in which they asked. Comes before `resolveIdentity`, to which sign-ins pass on. Throws `identity_taken`.
 */
export function createLinkIdentity(
  identities: Pick<Identities, 'link'>,
  isAlive: (sessionId: string, userId: string) => Promise<boolean>,
  clock: Clock,
): Middleware {
  return withContract(
    {
      answers: { 200: { description: 'The provider is linked.', schema: linkedAnswer } },
      errors: ['invalid_state', 'identity_taken', 'database_unavailable'],
    },
    async function linkIdentity(ctx, next) {
      const { link, redirectTo } = ctx.state.flow ?? { link: null, redirectTo: null }
      if (link === null) return next()
      if (!(await isAlive(link.sessionId, link.userId))) throw new GatewayError('invalid_state')
      const identity = toIdentity(requireProfile(ctx))
      await identities.link(identity, link.userId, clock())
      ctx.state.announce('identity.linked')
      if (redirectTo === null) {
        ctx.body = { linked: identity.provider }
        return
      }
      const target = new URL(redirectTo)
      target.searchParams.set('linked', identity.provider)
      ctx.redirect(target.href)
    },
  )
}

function requireProfile(ctx: Context): NonNullable<Context['state']['identity']> {
  if (!ctx.state.identity) throw new Error('this route does not ask a provider')
  return ctx.state.identity
}

function toIdentity({
  provider,
  subject,
  email,
  emailVerified,
}: NonNullable<Context['state']['identity']>): ProviderIdentity {
  return {
    provider,
    subject,
    email: email ?? null,
    emailVerified: email !== undefined && emailVerified === true,
  }
}
