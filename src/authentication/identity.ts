import * as z from 'zod'
import { readRoles } from '../claims/provider-roles.ts'
import type { Config } from '../config/config.ts'
import {
  type Clock,
  type Context,
  type Middleware,
  type ProviderProfile,
  requireState,
  withContract,
} from '../context.ts'
import { GatewayError } from '../errors.ts'
import { storableText } from '../http/validate.ts'
import type { Identities, ProviderIdentity } from '../stores/identities.ts'
import type { ProviderRoles } from '../stores/provider-roles.ts'
import type { Sessions } from '../stores/sessions.ts'
import { suggestUsernames, type UsernameRules } from './username.ts'

type ProviderRolesOptions = {
  config: Pick<Config, 'providers' | 'roles'>
  providerRoles: Pick<ProviderRoles, 'set'>
}

/**
 * Gives a user the roles of AUTH_<NAME>_ROLES by the claims of the identity of this request, and takes the others of the
 * provider back. Incomplete claims change nothing.
 */
export async function grantProviderRoles(
  ctx: Context,
  userId: string,
  { config, providerRoles }: ProviderRolesOptions,
): Promise<void> {
  const { provider, subject, claims } = requireState(ctx, 'identity')
  const mapping = config.providers.get(provider)?.roles
  if (!mapping || !claims) return
  const read = readRoles(claims, mapping, config.roles.allowAdmin)
  if ('incomplete' in read) {
    ctx.state.announce('provider.groups_incomplete', { userId, provider, reason: read.incomplete })
    return
  }
  const change = await providerRoles.set(userId, { provider, subject }, read.roles)
  if (change) ctx.state.log.info({ userId, provider, ...change }, 'roles changed by the provider')
}

type ResolveIdentityOptions = ProviderRolesOptions & {
  identities: Pick<Identities, 'findOrCreate'>
  config: { signup: boolean } & UsernameRules
  clock: Clock
}

/** Finds or creates the user of the provider's identity, and grants the roles of the provider. Throws `user_inactive`, and the errors of `findOrCreate`. */
export function resolveIdentity(options: ResolveIdentityOptions): Middleware {
  const { identities, config, clock } = options
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
      await grantProviderRoles(ctx, user.id, options)
      const { provider, subject } = profile
      const providerSid = findProviderSid(profile)
      ctx.state.user = { id: user.id, provider, subject, amr: ['fed'], providerSid }
      await next()
    },
  )
}

const sidSchema = storableText(255).min(1)

/** Returns the id of the provider's own session, by which its logout tokens name it; undefined when it gave none. */
export function findProviderSid({ claims }: Pick<ProviderProfile, 'claims'>): string | undefined {
  return sidSchema.safeParse(claims?.sid).data
}

const linkedAnswer = z.strictObject({
  linked: z.string().meta({ description: 'The name of the provider.', examples: ['github'] }),
})

type LinkIdentityOptions = ProviderRolesOptions & {
  identities: Pick<Identities, 'link'>
  sessions: Pick<Sessions, 'read'>
  clock: Clock
}

/**
 * Completes POST /user/identities/:provider: links the identity to the user of that request. The session of that
 * request must still be active. Runs before `resolveIdentity` and passes sign-ins on to it. Throws `invalid_state` or
 * `identity_taken`.
 */
export function linkIdentity(options: LinkIdentityOptions): Middleware {
  const { identities, sessions, clock } = options
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
      await grantProviderRoles(ctx, link.userId, options)
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
