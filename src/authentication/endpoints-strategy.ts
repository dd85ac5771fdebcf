import type { Strategy } from 'passport'
import OAuth2Strategy from 'passport-oauth2'
import type { EndpointsProvider, RedirectOptions, VerifyProfile } from './provider.ts'

type Done = (error: unknown, profile?: unknown) => void
type OAuth2 = {
  _request(
    method: string,
    url: string,
    headers: Record<string, string>,
    body: string | null,
    accessToken: string | null,
    done: (error: unknown, data?: unknown) => void,
  ): void
  getOAuthAccessToken(
    code: string,
    params: Record<string, string>,
    done: (error: unknown, accessToken?: string) => void,
  ): void
}

/** Creates the strategy of a provider file with endpoints. Its profile has the answers of `profile` and `emails`. */
export function createEndpointsStrategy(
  own: EndpointsProvider['endpoints'],
  { endpoints: set, reportOptional, ...options }: RedirectOptions,
  verify: VerifyProfile,
): Strategy {
  const { clientID, clientSecret } = options
  const urls = {
    authorizationURL: set.authorizationURL ?? own.authorization,
    tokenURL: set.tokenURL ?? own.token,
    profileURL: set.profileURL ?? own.profile,
    // The access token of one server never goes to another.
    emailsURL: set.emailsURL ?? (set.profileURL === undefined ? own.emails : undefined),
  }

  class EndpointsStrategy extends OAuth2Strategy {
    override userProfile(accessToken: string, done: Done): void {
      const read = (target: string, then: Done) => {
        const url = new URL(target)
        const more = own.parameters?.(accessToken, clientSecret) ?? {}
        for (const [name, value] of Object.entries(more)) url.searchParams.set(name, value)
        this._oauth2.get(url.href, accessToken, (error, body) =>
          then(error, error ? undefined : JSON.parse(String(body))),
        )
      }
      const { profileURL, emailsURL } = urls
      read(profileURL, (error, profile) => {
        if (error || emailsURL === undefined) return done(error, { profile })
        read(emailsURL, (failure, emails) => {
          if (failure) reportOptional(failure)
          done(null, { profile, emails })
        })
      })
    }
  }

  const strategy = new EndpointsStrategy({ ...options, ...urls }, verify)
  if (own.clientAuthentication === 'basic') {
    const oauth2 = (strategy as unknown as { _oauth2: OAuth2 })._oauth2
    const authorization = `Basic ${Buffer.from(`${encode(clientID)}:${encode(clientSecret)}`).toString('base64')}`
    oauth2.getOAuthAccessToken = (code, params, done) => {
      const body = String(new URLSearchParams({ ...params, code, client_id: clientID }))
      const headers = {
        Authorization: authorization,
        'Content-Type': 'application/x-www-form-urlencoded',
      }
      oauth2._request('POST', urls.tokenURL, headers, body, null, (error, data) =>
        done(error, error ? undefined : JSON.parse(String(data)).access_token),
      )
    }
  }
  return strategy
}

/** Encodes a client id or secret (RFC 6749, section 2.3.1). */
function encode(text: string): string {
  return String(new URLSearchParams({ text })).slice('text='.length)
}
