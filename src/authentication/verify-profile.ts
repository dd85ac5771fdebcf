import * as z from 'zod'
import type { ProviderProfile } from '../context.ts'
import { GatewayError } from '../errors.ts'
import { storableText } from '../http/validate.ts'
import type { OAuthProvider, VerifyProfile } from './provider.ts'
import { emailSchema } from './username.ts'

/**
 * Returns true for the subject of a user. Programs write a missing id as "undefined" or "null": a user with such a
 * subject would share it with every other user without an id.
 */
export function isSubject(subject: string): boolean {
  return !['', 'undefined', 'null'].includes(subject.trim())
}

const identitySchema = z.object({
  subject: storableText(255).refine(isSubject),
  username: z.string().optional(),
  email: emailSchema.optional().catch(undefined),
  emailVerified: z.boolean().optional().catch(false),
})

/**
 * Creates the callback of an OAuth strategy, which checks the profile. A later step finds the user of the profile.
 * Passes a `provider_error` to `done` for a profile without a subject.
 */
export function createVerifyProfile(provider: Pick<OAuthProvider, 'name' | 'identity'>): VerifyProfile {
  return function verifyProfile(_accessToken, _refreshToken, profile, done) {
    let identity: ProviderProfile
    try {
      identity = { ...identitySchema.parse(provider.identity(profile)), provider: provider.name }
    } catch (cause) {
      done(new GatewayError('provider_error', { detail: 'The profile does not say who you are', cause }))
      return
    }
    done(null, identity)
  }
}
