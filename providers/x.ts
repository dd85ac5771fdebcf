import * as z from 'zod'
import type { Provider } from '../src/authentication/provider.ts'

const answersSchema = z.object({
  profile: z.object({
    data: z.object({ id: z.string().regex(/^\d+$/), username: z.string().optional().catch(undefined) }),
  }),
})

/**
 * X, formerly Twitter. https://docs.x.com/x-api/users/get-my-user has the profile (2026-12-01), without an address. X
 * offers its mark as a file alone, so the button has a letter.
 */
export default {
  name: 'x',
  flow: 'redirect',
  label: 'X',
  // The endpoint of the profile requires both.
  scope: ['users.read', 'tweet.read'],
  endpoints: {
    authorization: 'https://x.com/i/oauth2/authorize',
    token: 'https://api.x.com/2/oauth2/token',
    profile: 'https://api.x.com/2/users/me',
    clientAuthentication: 'basic',
  },
  identity: (answers) => {
    const { id, username } = answersSchema.parse(answers).profile.data
    return { subject: id, username }
  },
} satisfies Provider
