import * as z from 'zod'
import type { Provider } from '../src/authentication/provider.ts'

const addresses = z.object({
  values: z.array(
    z.object({ email: z.string(), is_primary: z.boolean().optional(), is_confirmed: z.boolean().optional() }),
  ),
})

const answersSchema = z.object({
  profile: z.object({ uuid: z.string().min(1), username: z.string().optional().catch(undefined) }),
  emails: addresses.optional().catch(undefined),
})

/**
 * Bitbucket Cloud. https://developer.atlassian.com/cloud/bitbucket/rest/api-group-users/ has the profile and the
 * addresses (2026-12-01). Atlassian offers its marks as files alone, so the button has a letter.
 */
export default {
  name: 'bitbucket',
  flow: 'redirect',
  label: 'Bitbucket',
  scope: ['account', 'email'],
  endpoints: {
    authorization: 'https://bitbucket.org/site/oauth2/authorize',
    token: 'https://bitbucket.org/site/oauth2/access_token',
    profile: 'https://api.bitbucket.org/2.0/user',
    emails: 'https://api.bitbucket.org/2.0/user/emails?pagelen=100',
  },
  identity: (answers) => {
    const { profile, emails } = answersSchema.parse(answers)
    const email = emails?.values.find((each) => each.is_primary === true && each.is_confirmed === true)?.email
    return { subject: profile.uuid, username: profile.username, email, emailVerified: email !== undefined }
  },
} satisfies Provider
