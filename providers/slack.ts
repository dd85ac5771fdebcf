import type { Provider } from '../src/authentication/provider.ts'

/**
 * Slack. https://docs.slack.dev/reference/methods/openid.connect.token has the claims (2026-12-01), which are standard
 * ones. Slack offers its mark as a file alone, so the button has a letter.
 */
export default {
  name: 'slack',
  flow: 'redirect',
  label: 'Slack',
  scope: ['openid', 'profile', 'email'],
  issuer: 'https://slack.com',
  // For Slack, a client with PKCE is one without a secret.
  without: ['pkce'],
} satisfies Provider
