import { z } from 'zod'
import type { Middleware } from '../context.ts'
import type { Users } from '../database/users.ts'
import { GatewayError } from '../errors.ts'
import { text } from '../http/text.ts'
import type { PasswordHashes } from './password-hash.ts'
import { usernameSchema } from './username.ts'

export type PasswordRules = { passwordMinLength: number; passwordHash: 'bcrypt' | 'argon2id' }

/** What a new password must be. bcrypt reads 72 bytes and ignores the rest, so a longer one is refused, not cut. */
export function createPasswordSchema({ passwordMinLength, passwordHash }: PasswordRules) {
  const maxBytes = passwordHash === 'bcrypt' ? 72 : 1024
  return text(1024)
    .refine(
      (value) => [...value].length >= passwordMinLength,
      `has fewer than ${passwordMinLength} characters`,
    )
    .refine(
      (value) => Buffer.byteLength(value.normalize('NFC')) <= maxBytes,
      `has more than ${maxBytes} bytes in UTF-8, of which ${passwordHash} would ignore the rest`,
    )
}

/** An e-mail address, as far as it can be told without writing to it. */
export const emailSchema = text(254).regex(/^[^\s@]+@[^\s@]+$/, 'is not an e-mail address')

/** The body of POST /signup. */
export function createSignupSchema(rules: PasswordRules) {
  return z
    .strictObject({
      username: usernameSchema,
      password: createPasswordSchema(rules),
      confirmPassword: text(1024),
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
 * Throws `signup_disabled`, `username_taken` (after the same hashing work) and `overloaded`.
 */
export function createSignup(users: Pick<Users, 'create'>, hashes: Pick<PasswordHashes, 'hash'>): Middleware {
  return async function signup(ctx, next) {
    const { username, password, email } = ctx.state.body as SignupBody
    const id = await users.create({ username, password: await hashes.hash(password), email: email ?? null })
    ctx.state.user = { id }
    await next()
  }
}

/** Closes a route when sign-up is closed. */
export function createSignupGate(open: boolean): Middleware {
  return async function signupGate(_ctx, next) {
    if (!open) throw new GatewayError('signup_disabled')
    await next()
  }
}
