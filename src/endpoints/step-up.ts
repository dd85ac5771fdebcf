import * as z from 'zod'
import { isUsableHash } from '../authentication/password-hash-format.ts'
import { claimsProxy, requireClaims } from '../claims/claims-proxy.ts'
import { type Middleware, withContract } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { GatewayError } from '../errors.ts'
import type { Operation } from '../hasura/run-operation.ts'
import { withBody } from '../http/body.ts'
import { storableText } from '../http/validate.ts'
import { guessLimit } from '../limits/middleware.ts'
import { attempt } from '../observability/announce.ts'
import { passwordGate } from './login.ts'
import type { Transport } from './transport.ts'

/** The body of POST /user/step-up. */
export const stepUpBody = z.strictObject({
  method: z.literal('password', 'must be password').meta({ examples: ['password'] }),
  password: storableText(1024)
    .min(1, 'is required')
    .meta({ examples: ['correct horse'] }),
})

/** POST /user/step-up: authenticates the signed-in user again, in the same session, and answers with its next tokens. */
export function stepUp(deps: Dependencies, { signedIn, session }: Transport) {
  return {
    guards: [passwordGate({ isOpen: deps.config.passwordApi }), ...signedIn],
    input: stepUpBody,
    steps: [...confirmPassword(deps), session],
  } satisfies Operation
}

/**
 * The steps that make the session of the signed-in user a fresh one, by their password. The limits of `POST /login` count
 * them. Throws `invalid_credentials`, also for a user without a password.
 */
export function confirmPassword(deps: Dependencies): Middleware[] {
  const { config, limits, devices, users, hashes, openSession } = deps
  const { name: provider } = deps.passwordProvider
  return [
    guessLimit({ limits, devices, usernameOf: (ctx) => requireClaims(ctx).access.username }),
    attempt({ provider, ok: 'stepup.ok', failed: 'stepup.failed' }),
    withContract(
      { errors: ['invalid_credentials', 'overloaded', 'database_unavailable'] },
      withBody(stepUpBody, async function verifyOwnPassword(ctx, { password }, next) {
        const { userId } = requireClaims(ctx).access
        const hash = await users.findHash(userId)
        const matches = await hashes.verify(password, hash, ctx.state.address)
        if (hash === null)
          throw new GatewayError('invalid_credentials', {
            detail: 'The user has no password. Sign in again with a linked provider.',
            about: { reason: 'no_password' },
          })
        if (!matches)
          throw new GatewayError('invalid_credentials', {
            detail: 'The password is wrong. Check it, then try again.',
            about: { reason: isUsableHash(hash) ? 'wrong_password' : 'unusable_hash' },
          })
        ctx.state.user = { id: userId, provider, amr: ['pwd'], passwordHash: hash }
        await next()
      }),
    ),
    claimsProxy({ roles: config.roles, read: openSession.stepUp, refused: 'invalid_credentials' }),
  ]
}
