import * as z from 'zod'
import { createPasswordSchema, type PasswordRules } from '../authentication/password-policy.ts'
import { createUsernameSchema, emailSchema, type UsernameRules } from '../authentication/username.ts'
import { type Middleware, withContract } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { GatewayError } from '../errors.ts'
import type { Operation } from '../hasura/run-operation.ts'
import { withBody } from '../http/body.ts'
import { breaks, storableText } from '../http/validate.ts'
import { addressLimit } from '../limits/middleware.ts'
import { attempt } from '../observability/announce.ts'
import { passwordGate } from './login.ts'
import type { Transport } from './transport.ts'

/** The body of POST /signup. */
export function createSignupSchema(rules: PasswordRules & UsernameRules) {
  return z
    .strictObject({
      username: createUsernameSchema(rules),
      password: createPasswordSchema(rules),
      confirmPassword: storableText(1024).meta({ examples: ['correct horse'] }),
      email: emailSchema.optional(),
    })
    .refine(({ password, confirmPassword }) => password === confirmPassword, {
      path: ['confirmPassword'],
      ...breaks('not_same', 'is not the same as password'),
    })
}

/**
 * POST /signup: creates a user from the body and signs them in. The e-mail address is stored as unverified. Throws
 * `validation_failed` for a password that the policy rejects, `username_taken` (after the same hashing work) and
 * `overloaded`.
 */
export function signup(deps: Dependencies, { signIn }: Transport) {
  const { config, limits, users, hashes, requirePassword } = deps
  const { name: provider } = deps.passwordProvider
  const input = createSignupSchema(config)
  return {
    guards: [signupGate({ isOpen: config.signup }), passwordGate({ isOpen: config.passwordApi })],
    input,
    steps: [
      addressLimit({ limits, name: 'signup' }),
      attempt({ provider, ok: 'login.ok', failed: 'signup.failed' }),
      withContract(
        { errors: ['validation_failed', 'username_taken', 'overloaded', 'database_unavailable'] },
        withBody(input, async function signup(ctx, { username, password, email = null }, next) {
          await requirePassword(password, username, 'password')
          const hash = await hashes.hash(password, ctx.state.address)
          const id = await users.create({ username, password: hash, email })
          ctx.state.user = { id, provider, amr: ['pwd'] }
          ctx.state.announce('signup')
          await next()
        }),
      ),
      ...signIn,
    ],
  } satisfies Operation
}

/** Throws `signup_disabled` while sign-up is disabled. */
export function signupGate({ isOpen }: { isOpen: boolean }): Middleware {
  return withContract({ errors: isOpen ? [] : ['signup_disabled'] }, async function signupGate(_ctx, next) {
    if (!isOpen) throw new GatewayError('signup_disabled')
    await next()
  })
}
