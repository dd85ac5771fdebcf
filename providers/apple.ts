import * as z from 'zod'
import type { Provider } from '../src/authentication/provider.ts'

const claimsSchema = z.object({
  sub: z.string(),
  email: z.string().optional().catch(undefined),
  email_verified: z.unknown().optional(),
})

/**
 * Apple. https://developer.apple.com/documentation/signinwithapple/authenticating-users-with-sign-in-with-apple has the
 * claims (2026-12-01): `email_verified` may be text. A private relay address is a verified address. The name comes once,
 * in the form of the first sign-in, and no part of the gateway uses it. Apple forbids drawings of its mark, so the button
 * has a letter.
 */
export default {
  name: 'apple',
  flow: 'redirect',
  label: 'Apple',
  scope: ['openid', 'email'],
  issuer: 'https://appleid.apple.com',
  // Apple answers a request for the address in no other form.
  responseMode: 'form_post',
  clientSecret: 'signed',
  identity: (claims) => {
    const { sub, email, email_verified } = claimsSchema.parse(claims)
    return { subject: sub, email, emailVerified: email_verified === true || email_verified === 'true' }
  },
} satisfies Provider
