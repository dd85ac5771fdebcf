import * as z from 'zod'
import type { Provider } from '../src/authentication/provider.ts'

const answersSchema = z.object({
  profile: z.object({ id: z.string().min(1), email: z.string().optional().catch(undefined) }),
})

/**
 * Spotify. https://developer.spotify.com/documentation/web-api/reference/get-current-users-profile has the profile
 * (2026-12-01): the address is unverified. Spotify offers its mark as a file alone, so the button has a letter.
 */
export default {
  name: 'spotify',
  flow: 'redirect',
  label: 'Spotify',
  scope: ['user-read-email'],
  endpoints: {
    authorization: 'https://accounts.spotify.com/authorize',
    token: 'https://accounts.spotify.com/api/token',
    profile: 'https://api.spotify.com/v1/me',
    clientAuthentication: 'basic',
  },
  identity: (answers) => {
    const { id, email } = answersSchema.parse(answers).profile
    return { subject: id, email, emailVerified: false }
  },
} satisfies Provider
