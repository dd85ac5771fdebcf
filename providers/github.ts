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
  icon: 'M7 7.5v9M17 10.5c0 4.5-10 1.5-10 6M7 2.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5ZM7 16.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5ZM17 5.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5Z',
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
