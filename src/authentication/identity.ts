import * as z from 'zod'
import { type Clock, type Middleware, type ProviderProfile, requireState, withContract } from '../context.ts'
import { GatewayError } from '../errors.ts'
import type { Identities, ProviderIdentity } from '../stores/identities.ts'
import type { Sessions } from '../stores/sessions.ts'
import { suggestUsernames, type UsernameRules } from './username.ts'

type ResolveIdentityOptions = {
  identities: Pick<Identities, 'findOrCreate'>
  config: { signup: boolean } & UsernameRules
  clock: Clock
}

/** Finds or creates the user of the provider's identity. Throws `user_inactive`, and the errors of `findOrCreate`. */
export function resolveIdentity({ identities, config, clock }: ResolveIdentityOptions): Middleware {
  return withContract(
    {
      errors: ['user_inactive', 'signup_disabled', 'link_required', 'username_taken', 'database_unavailable'],
    },
    async function resolveIdentity(ctx, next) {
      const profile = requireState(ctx, 'identity')
      const names = suggestUsernames(profile, profile.provider, config)
      const user = await identities.findOrCreate(toIdentity(profile), names, config.signup, clock())
      if (user.isNew) ctx.state.announce('signup', { userId: user.id })
      if (!user.active) throw new GatewayError('user_inactive', { about: { userId: user.id } })
      const { provider, subject } = profile
      ctx.state.user = { id: user.id, provider, subject, amr: ['fed'] }
      await next()
    },
  )
}

const linkedAnswer = z.strictObject({
  linked: z.string().meta({ description: 'The name of the provider.', examples: ['github'] }),
})

type LinkIdentityOptions = {
  identities: Pick<Identities, 'link'>
  sessions: Pick<Sessions, 'read'>
  clock: Clock
}

/**
 * Completes POST /user/identities/:provider: links the identity to the user of that request. The session of that
 * request must still be active. Runs before `resolveIdentity` and passes sign-ins on to it. Throws `invalid_state` or
 * `identity_taken`.
 */
export function linkIdentity({ identities, sessions, clock }: LinkIdentityOptions): Middleware {
  return withContract(
    {
      answers: { 200: { description: 'The provider is linked.', schema: linkedAnswer } },
      errors: ['invalid_state', 'identity_taken', 'database_unavailable'],
    },
    async function linkIdentity(ctx, next) {
      const { link, redirectTo } = ctx.state.flow ?? { link: null, redirectTo: null }
      if (link === null) return next()
      const session = await sessions.read(link.sessionId, link.userId, clock())
      if (session === null) throw new GatewayError('invalid_state')
      const identity = toIdentity(requireState(ctx, 'identity'))
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

function toIdentity({ provider, subject, email, emailVerified }: ProviderProfile): ProviderIdentity {
  return {
    provider,
    subject,
    email: email ?? null,
    emailVerified: email !== undefined && emailVerified === true,
  }
}
