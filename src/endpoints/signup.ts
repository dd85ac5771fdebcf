import { z } from 'zod'
import type { PasswordHashes } from '../authentication/password-hash.ts'
import {
  createPasswordSchema,
  type PasswordRules,
  type RequirePassword,
} from '../authentication/password-policy.ts'
import { emailSchema, usernameSchema } from '../authentication/username.ts'
import { type Middleware, withContract } from '../context.ts'
import { GatewayError } from '../errors.ts'
import { text } from '../http/validate.ts'
import type { Users } from '../stores/users.ts'

/** The body of POST /signup. */
export function createSignupSchema(rules: PasswordRules) {
  return z
    .strictObject({
      username: usernameSchema,
      password: createPasswordSchema(rules),
      confirmPassword: text(1024).meta({ examples: ['correct horse'] }),
      email: emailSchema.optional(),
    })
    .refine(({ password, confirmPassword }) => password === confirmPassword, {
      path: ['confirmPassword'],
      message: 'is not the same as password',
    })
}

type SignupBody = z.infer<ReturnType<typeof createSignupSchema>>

/**
 * Makes a user from the body and signs them in. An e-mail given here is only noted: nobody has proven it.
 * Throws `validation_failed` for a password that the policy refuses, `username_taken` (after the same hashing work) and
 * `overloaded`.
 */
export function createSignup(
  users: Pick<Users, 'create'>,
  hashes: Pick<PasswordHashes, 'hash'>,
  requirePassword: RequirePassword,
): Middleware {
  return withContract(
    { errors: ['validation_failed', 'username_taken', 'overloaded', 'database_unavailable'] },
    async function signup(ctx, next) {
      const { username, password, email } = ctx.state.body as SignupBody
      await requirePassword(password, username, 'password')
      const id = await users.create({ username, password: await hashes.hash(password), email: email ?? null })
      ctx.state.user = { id }
      ctx.state.announce('signup')
      await next()
    },
  )
}

/** Closes a route when sign-up is closed. */
export function createSignupGate(open: boolean): Middleware {
  return withContract({ errors: open ? [] : ['signup_disabled'] }, async function signupGate(_ctx, next) {
    if (!open) throw new GatewayError('signup_disabled')
    await next()
  })
}
