import * as z from 'zod'
import type { Provider } from '../src/authentication/provider.ts'

const answersSchema = z.object({
  profile: z.object({
    id: z.string().regex(/^\d+$/),
    username: z.string().optional().catch(undefined),
    email: z.string().optional().catch(undefined),
    verified: z.unknown().optional(),
  }),
})

/**
 * Discord. https://docs.discord.com/developers/resources/user has the profile (2026-12-01): `verified` is that of the
 * address. Discord forbids drawings of its mark, so the button has a letter.
 */
export default {
  name: 'discord',
  flow: 'redirect',
  label: 'Discord',
  scope: ['identify', 'email'],
  endpoints: {
    authorization: 'https://discord.com/oauth2/authorize',
    token: 'https://discord.com/api/oauth2/token',
    profile: 'https://discord.com/api/v10/users/@me',
  },
  identity: (answers) => {
    const { id, username, email, verified } = answersSchema.parse(answers).profile
    return { subject: id, username, email, emailVerified: verified === true }
  },
} satisfies Provider
