import * as z from 'zod'
import type { Provider } from '../src/authentication/provider.ts'

const claimsSchema = z.object({
  sub: z.string(),
  nickname: z.string().optional().catch(undefined),
  email: z.string().optional().catch(undefined),
  email_verified: z.unknown().optional(),
})

/**
 * GitLab, or a GitLab of your own with AUTH_GITLAB_ISSUER. https://docs.gitlab.com/integration/openid_connect_provider/ has
 * the claims (2026-12-01); `nickname` is the username in every version. GitLab offers its mark as a file alone, so the
 * button has a letter.
 */
export default {
  name: 'gitlab',
  flow: 'redirect',
  label: 'GitLab',
  scope: ['openid', 'profile', 'email'],
  issuer: 'https://gitlab.com',
  identity: (claims) => {
    const { sub, nickname, email, email_verified } = claimsSchema.parse(claims)
    return { subject: sub, username: nickname, email, emailVerified: email_verified === true }
  },
} satisfies Provider
