import * as z from 'zod'
import type { Provider } from '../src/authentication/provider.ts'

const claimsSchema = z.object({
  sub: z.string(),
  preferred_username: z.string().optional().catch(undefined),
  email: z.string().optional().catch(undefined),
  xms_edov: z.unknown().optional(),
})

/**
 * Microsoft: accounts of every organization, and personal ones; AUTH_MICROSOFT_ISSUER is that of one tenant.
 * https://learn.microsoft.com/en-us/entra/identity-platform/id-token-claims-reference has the claims (2026-12-01). An
 * administrator of any tenant sets `email`. The optional claim `xms_edov` says that the tenant owns its domain.
 */
export default {
  name: 'microsoft',
  flow: 'redirect',
  label: 'Microsoft',
  // The mark: four squares in Microsoft's colours, which its rules for sign-in buttons require.
  icon: [
    { fill: '#F25022', path: 'M1.5 1.5H11.5V11.5H1.5Z' },
    { fill: '#7FBA00', path: 'M12.5 1.5H22.5V11.5H12.5Z' },
    { fill: '#00A4EF', path: 'M1.5 12.5H11.5V22.5H1.5Z' },
    { fill: '#FFB900', path: 'M12.5 12.5H22.5V22.5H12.5Z' },
  ],
  scope: ['openid', 'profile', 'email'],
  issuer: 'https://login.microsoftonline.com/common/v2.0',
  tenants: {
    of: ['common', 'organizations'].map((name) => `https://login.microsoftonline.com/${name}/v2.0`),
    issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0',
  },
  // It has no more than the ID token, and is a service with other outages.
  without: ['userinfo'],
  identity: (claims) => {
    const { sub, preferred_username, email, xms_edov } = claimsSchema.parse(claims)
    const [username] = preferred_username?.split('@') ?? []
    return { subject: sub, username, email, emailVerified: xms_edov === true }
  },
} satisfies Provider
