import { z } from 'zod'
import type { PasswordHashes } from '../authentication/password-hash.ts'
import {
  createPasswordSchema,
  type PasswordRules,
  type RequirePassword,
} from '../authentication/password-policy.ts'
import { type Middleware, withContract } from '../context.ts'
import { GatewayError } from '../errors.ts'
import { text } from '../http/validate.ts'
import type { Users } from '../stores/users.ts'

/** The body of POST /user/password. */
export function createChangePasswordSchema(rules: PasswordRules) {
  return z.strictObject({
    currentPassword: text(1024)
      .meta({ examples: ['correct horse'] })
      .optional(),
    newPassword: createPasswordSchema(rules),
  })
}

/**
 * Changes the signed-in user's password and ends their other sessions. The current password is needed, unless there is
 * none yet. Throws `invalid_credentials`, and `validation_failed` for a password that the policy refuses.
 */
export function createChangePassword(
  users: Pick<Users, 'findHash' | 'replaceHash'>,
  hashes: Pick<PasswordHashes, 'hash' | 'verify'>,
  requirePassword: RequirePassword,
): Middleware {
  return withContract(
    {
      answers: {
        204: { description: 'The password is changed, and all other sessions of the user have ended.' },
      },
      errors: ['invalid_credentials', 'validation_failed', 'overloaded', 'database_unavailable'],
    },
    async function changePassword(ctx) {
      const { access } = ctx.state
      if (!access) throw new Error('this route does not pass the claims proxy')
      const { userId, username, sessionId } = access
      const { currentPassword = '', newPassword } = ctx.state.body as {
        currentPassword?: string
        newPassword: string
      }
      const hash = await users.findHash(userId)
      if (hash !== null && !(await hashes.verify(currentPassword, hash)))
        throw new GatewayError('invalid_credentials', { event: 'password.refused' })
      await requirePassword(newPassword, username, 'newPassword')
      const isChanged = await users.replaceHash(userId, hash, await hashes.hash(newPassword), sessionId)
      if (!isChanged)
        throw new GatewayError('invalid_credentials', { detail: 'The password has just been changed' })
      ctx.state.announce('password.changed')
      ctx.status = 204
    },
  )
}
