import type { Provider } from '../src/authentication/provider.ts'

const claims = { id_token: { email: null, email_verified: null, preferred_username: null } }

/**
 * Twitch. https://dev.twitch.tv/docs/authentication/getting-tokens-oidc/ has the claims (2026-12-01): the ID token has the
 * standard ones for which the request asks. Twitch forbids drawings of its mark, so the button has a letter.
 */
export default {
  name: 'twitch',
  flow: 'redirect',
  label: 'Twitch',
  scope: ['openid', 'user:read:email'],
  issuer: 'https://id.twitch.tv/oauth2',
  parameters: { claims: JSON.stringify(claims) },
} satisfies Provider
