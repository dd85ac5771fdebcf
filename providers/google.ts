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
  // The mark in Google's colours, which its brand rules require on every background.
  icon: [
    { fill: '#EA4335', path: 'M19.78 4.22A11 11 0 0 0 2.20 7.01L6.12 9A6.6 6.6 0 0 1 16.67 7.33Z' },
    { fill: '#FBBC05', path: 'M2.20 7.01A11 11 0 0 0 2.20 16.99L6.12 15A6.6 6.6 0 0 1 6.12 9Z' },
    { fill: '#34A853', path: 'M2.20 16.99A11 11 0 0 0 19.07 20.43L16.24 17.06A6.6 6.6 0 0 1 6.12 15Z' },
    {
      fill: '#4285F4',
      path: 'M12 9.9H22.80A11 11 0 0 1 19.07 20.43L16.24 17.06A6.6 6.6 0 0 0 18.19 14.3H12Z',
    },
  ],
  scope: ['openid', 'email'],
  issuer: 'https://accounts.google.com',
  idTokens: true,
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
