import { createHmac } from 'node:crypto'
import * as z from 'zod'
import type { Provider } from '../src/authentication/provider.ts'

const answersSchema = z.object({
  profile: z.object({ id: z.string().regex(/^\d+$/), email: z.string().optional().catch(undefined) }),
})

/**
 * Facebook. https://developers.facebook.com/docs/graph-api/reference/user/ has the profile (2026-12-01). It does not
 * promise that the address is verified. Meta forbids drawings of its mark, so the button has a letter.
 */
export default {
  name: 'facebook',
  flow: 'redirect',
  label: 'Facebook',
  scope: ['public_profile', 'email'],
  endpoints: {
    authorization: 'https://www.facebook.com/v24.0/dialog/oauth',
    token: 'https://graph.facebook.com/v24.0/oauth/access_token',
    profile: 'https://graph.facebook.com/v24.0/me',
    parameters: (accessToken, clientSecret) => ({
      fields: 'id,email',
      // Required by apps with the setting "Require App Secret", and valid for all others.
      appsecret_proof: createHmac('sha256', clientSecret).update(accessToken).digest('hex'),
    }),
  },
  identity: (answers) => {
    const { id, email } = answersSchema.parse(answers).profile
    return { subject: id, email, emailVerified: false }
  },
} satisfies Provider
