import type { Provider } from '../src/authentication/provider.ts'

/**
 * LinkedIn. https://learn.microsoft.com/en-us/linkedin/consumer/integrations/self-serve/sign-in-with-linkedin-v2 has the
 * standard claims (2026-12-01). LinkedIn forbids drawings of its mark, so the button has a letter.
 */
export default {
  name: 'linkedin',
  flow: 'redirect',
  label: 'LinkedIn',
  scope: ['openid', 'profile', 'email'],
  issuer: 'https://www.linkedin.com/oauth',
  // LinkedIn rejects a code verifier of such an app, and its ID tokens have no nonce.
  without: ['nonce', 'pkce'],
} satisfies Provider
