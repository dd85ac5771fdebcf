import { z } from 'zod'
import type { Clock } from '../context.ts'
import type { Identities } from '../database/identities.ts'
import { GatewayError } from '../errors.ts'
import { text } from '../http/text.ts'
import type { ProfileIdentity, RedirectProvider, VerifyProfile } from './provider.ts'
import { suggestUsernames } from './username.ts'

const identitySchema = z.object({
  subject: text(255).min(1),
  username: z.string().optional(),
  email: text(254)
    .regex(/^[^\s@]+@[^\s@]+$/)
    .optional()
    .catch(undefined),
  emailVerified: z.boolean().optional().catch(false),
})

/**
 * What an OAuth strategy asks: finds the user of a provider's subject, or makes one. Passes to `done` a
 * `provider_error` when the profile names nobody, `user_inactive`, and what `findOrCreate` throws.
 */
export function createVerifyProfile(
  provider: Pick<RedirectProvider, 'name' | 'identity'>,
  identities: Identities,
  signup: boolean,
  clock: Clock,
): VerifyProfile {
  async function verify(profile: unknown): Promise<Express.User> {
    const identity = readIdentity(provider, profile)
    const user = await identities.findOrCreate(
      {
        provider: provider.name,
        subject: identity.subject,
        email: identity.email ?? null,
        emailVerified: identity.email !== undefined && identity.emailVerified === true,
      },
      suggestUsernames(identity, provider.name),
      signup,
      clock(),
    )
    if (!user.active) throw new GatewayError('user_inactive')
    return { id: user.id }
  }
  return function verifyProfile(_accessToken, _refreshToken, profile, done) {
    verify(profile).then((user) => done(null, user), done)
  }
}

function readIdentity(provider: Pick<RedirectProvider, 'identity'>, profile: unknown): ProfileIdentity {
  try {
    return identitySchema.parse(provider.identity(profile))
  } catch (cause) {
    throw new GatewayError('provider_error', { detail: 'The profile does not say who you are', cause })
  }
}
