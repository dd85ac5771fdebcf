import { Strategy } from 'passport-github2'
import { z } from 'zod'
import type { Provider } from '../src/authentication/provider.ts'

const profileSchema = z.object({
  _json: z.object({ id: z.number().int().positive(), login: z.string().optional() }),
  emails: z
    .array(z.object({ value: z.string(), primary: z.boolean().optional(), verified: z.boolean().optional() }))
    .optional()
    .catch([]),
})

/** GitHub, or GitHub Enterprise by its endpoints' variables. */
export default {
  name: 'github',
  flow: 'redirect',
  label: 'GitHub',
  scope: ['user:email'],
  strategy: ({ endpoints, ...options }, verify) =>
    new Strategy(
      {
        ...options,
        ...endpoints,
        userProfileURL: endpoints.profileURL,
        userEmailURL: endpoints.emailsURL ?? 'https://api.github.com/user/emails?per_page=100',
        // Without it the strategy drops whether an address was verified.
        allRawEmails: true,
      },
      verify,
    ),
  identity: (profile) => {
    const { _json: json, emails } = profileSchema.parse(profile)
    const email = emails?.find(({ primary, verified }) => primary === true && verified === true)?.value
    return { subject: String(json.id), username: json.login, email, emailVerified: email !== undefined }
  },
} satisfies Provider
