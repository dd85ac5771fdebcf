import { Strategy } from 'passport-google-oauth20'
import * as z from 'zod'
import type { Provider } from '../src/authentication/provider.ts'

const profileSchema = z.object({
  _json: z.object({
    sub: z.string().min(1),
    email: z.string().optional().catch(undefined),
    email_verified: z.unknown().optional(),
  }),
})

/** Google, with its OpenID Connect UserInfo endpoint. */
export default {
  name: 'google',
  flow: 'redirect',
  label: 'Google',
  icon: 'M12 12h8a8 8 0 1 1-2.5-5.8',
  scope: ['openid', 'email'],
  issuer: 'https://accounts.google.com',
  strategy: ({ endpoints, ...options }, verify) =>
    new Strategy(
      {
        ...options,
        ...endpoints,
        userProfileURL: endpoints.profileURL ?? 'https://openidconnect.googleapis.com/v1/userinfo',
      },
      verify,
    ),
  identity: (profile) => {
    const { _json: json } = profileSchema.parse(profile)
    return { subject: json.sub, email: json.email, emailVerified: json.email_verified === true }
  },
} satisfies Provider
