import { Strategy } from 'passport-github2'
import * as z from 'zod'
import type { Provider } from '../src/authentication/provider.ts'

const addressList = z.array(z.looseObject({})).min(1)

const profileSchema = z.object({
  _json: z.object({ id: z.number().int().positive(), login: z.string().optional() }),
  emails: z
    .array(z.object({ value: z.string(), primary: z.boolean().optional(), verified: z.boolean().optional() }))
    .optional()
    .catch([]),
})

/** GitHub, or GitHub Enterprise with the endpoint variables. */
export default {
  name: 'github',
  flow: 'redirect',
  label: 'GitHub',
  // The mark: a disc in the colour of the text, with the outline of the cat left out.
  icon: [
    {
      fill: 'currentColor',
      path: 'M12 1A11 11 0 1 0 12 23A11 11 0 1 0 12 1ZM9.3 22.66V19.9C7.2 20.4 6.4 19.3 5.9 18.3C5.6 17.7 5.1 17.3 4.7 17C5.9 16.5 6.8 17.3 7.3 18C7.8 18.8 8.5 19 9.35 18.7C9.45 18 9.7 17.5 10.1 17.1C7.3 16.8 5.2 15.6 5.2 11.9C5.2 10.5 5.6 9.4 6.4 8.5C6.1 7.5 6.2 6.3 6.6 5.3C7.6 5.3 8.6 5.8 9.6 6.5C11.2 6.1 12.8 6.1 14.4 6.5C15.4 5.8 16.4 5.3 17.4 5.3C17.8 6.3 17.9 7.5 17.6 8.5C18.4 9.4 18.8 10.5 18.8 11.9C18.8 15.6 16.7 16.8 13.9 17.1C14.4 17.6 14.7 18.4 14.7 19.4V22.66A11 11 0 0 1 9.3 22.66Z',
    },
  ],
  scope: ['user:email'],
  strategy: ({ endpoints, reportOptional, ...options }, verify) => {
    const userEmailURL =
      endpoints.emailsURL ?? emailsOf(endpoints.profileURL ?? 'https://api.github.com/user')
    const strategy = new Strategy(
      {
        ...options,
        ...endpoints,
        userProfileURL: endpoints.profileURL,
        userEmailURL,
        // Without this option the strategy omits `verified` from the addresses.
        allRawEmails: true,
      },
      verify,
    )
    return withOptionalEmails(strategy, userEmailURL, reportOptional)
  },
  identity: (profile) => {
    const { _json: json, emails } = profileSchema.parse(profile)
    const email = emails?.find(({ primary, verified }) => primary === true && verified === true)?.value
    return { subject: String(json.id), username: json.login, email, emailVerified: email !== undefined }
  },
} satisfies Provider

/** Returns the URL of the e-mail addresses at the server of the profile, which receives the access token. */
function emailsOf(profileURL: string): string {
  const url = new URL(profileURL)
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/emails`
  url.searchParams.set('per_page', '100')
  return url.href
}

type Get = (url: string, token: string, callback: (error: unknown, body?: string) => void) => void

/**
 * Replaces a missing, invalid or empty list of addresses by one empty address. The strategy treats each of these as an
 * error, but a GitHub App may lack the permission to read addresses. `report` gets the cause of a failure.
 */
function withOptionalEmails(
  strategy: Strategy,
  userEmailURL: string,
  report: (cause: unknown) => void,
): Strategy {
  const { _oauth2: oauth2 } = strategy as unknown as { _oauth2: { get: Get } }
  const get = oauth2.get.bind(oauth2)
  const none = JSON.stringify([{ email: '', primary: false, verified: false }])
  oauth2.get = (url, token, callback) => {
    if (url !== userEmailURL) return get(url, token, callback)
    get(url, token, (error, body) => {
      if (error) report(error)
      const isList = !error && addressList.safeParse(JSON.parse(body ?? 'null')).success
      callback(null, isList ? body : none)
    })
  }
  return strategy
}
