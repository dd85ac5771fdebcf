import * as z from 'zod'
import { createPasswordSchema, type PasswordRules } from '../authentication/password-policy.ts'
import { requireClaims } from '../claims/claims-proxy.ts'
import { withContract } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { GatewayError } from '../errors.ts'
import type { Operation } from '../hasura/run-operation.ts'
import { withBody } from '../http/body.ts'
import { storableText } from '../http/validate.ts'
import { guessLimit } from '../limits/middleware.ts'
import { requireFresh } from '../sessions/fresh-authentication.ts'
import { passwordGate } from './login.ts'
import type { Transport } from './transport.ts'

/** The body of POST /user/password. */
function createChangePasswordSchema(rules: PasswordRules) {
  return z.strictObject({
    currentPassword: storableText(1024)
      .meta({ examples: ['correct horse'] })
      .optional(),
    newPassword: createPasswordSchema(rules),
  })
}

/**
 * POST /user/password: changes the password of the signed-in user and ends their other sessions. The current password is
 * required if the user has a password; a first password requires a fresh authentication. Throws `invalid_credentials`,
 * `fresh_authentication_required`, and `validation_failed` for a password that the policy rejects.
 */
export function changePassword(deps: Dependencies, { signedIn }: Transport) {
  const { config, limits, devices, users, hashes, requirePassword } = deps
  const input = createChangePasswordSchema(config)
  return {
    guards: [passwordGate({ isOpen: config.passwordApi }), ...signedIn],
    input,
    steps: [
      guessLimit({ limits, devices, usernameOf: (ctx) => requireClaims(ctx).access.username }),
      withContract(
        {
          answers: {
            204: { description: 'The password is changed, and all other sessions of the user have ended.' },
          },
          errors: [
            'invalid_credentials',
            'fresh_authentication_required',
            'validation_failed',
            'overloaded',
            'database_unavailable',
          ],
        },
        withBody(input, async function changePassword(ctx, { currentPassword = '', newPassword }) {
          const { userId, username, sessionId } = requireClaims(ctx).access
          const hash = await users.findHash(userId)
          if (hash === null) requireFresh(ctx, deps)
          else if (!(await hashes.verify(currentPassword, hash, ctx.state.address)))
            throw new GatewayError('invalid_credentials', {
              detail: 'The current password is missing or wrong. Send it as currentPassword.',
              event: 'password.refused',
            })
          await requirePassword(newPassword, username, 'newPassword')
          const isChanged = await users.replaceHash(
            userId,
            hash,
            await hashes.hash(newPassword, ctx.state.address),
            sessionId,
          )
          if (!isChanged)
            throw new GatewayError('invalid_credentials', {
              detail: 'Another request has just changed the password. Try again with the new password.',
            })
          ctx.state.announce('password.changed')
          ctx.status = 204
        }),
      ),
    ],
  } satisfies Operation
}
