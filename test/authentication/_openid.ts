import { type Answer, type AppOptions, quick, type SessionBody, startApp, type TestApp } from '../_app.ts'
import type { Cookies } from '../_cookies.ts'
import {
  clientId,
  clientSecret,
  type OpenIdPeer,
  type OpenIdUser,
  startOpenIdPeer,
} from '../_openid-provider.ts'
import { type Browser, openBrowser, type Query } from './_sign-in.ts'

/** A gateway with the OpenID provider `acme-corp`, and that provider. */
export type OpenIdStage = {
  app: TestApp
  peer: OpenIdPeer
  /** The clock of the gateway, in milliseconds ahead of the provider's. */
  clock: { ahead: number }
  stop(): Promise<void>
}

type StageOptions = Omit<AppOptions, 'now'> & Omit<Parameters<typeof startOpenIdPeer>[0], 'redirectUris'>

export const openIdCallback = 'https://gateway.test/auth/acme-corp/callback'

/** Starts oidc-provider, and a gateway that knows it by its variables alone. */
export async function startOpenIdStage({
  alg,
  client,
  more,
  env,
  ...options
}: StageOptions = {}): Promise<OpenIdStage> {
  const peer = await startOpenIdPeer({
    redirectUris: [openIdCallback],
    ...(alg && { alg }),
    ...(client && { client }),
    ...(more && { more }),
  })
  const clock = { ahead: 0 }
  const environment = {
    AUTH_ACME_CORP_ISSUER: peer.issuer,
    AUTH_ACME_CORP_CLIENT_ID: clientId,
    AUTH_ACME_CORP_CLIENT_SECRET: clientSecret,
    AUTH_REDIRECT_ORIGINS: 'https://app.test',
    AUTH_PROVIDER_TIMEOUT: '30',
    ...env,
  }
  const now = () => new Date(Date.now() + clock.ahead)
  const app = await startApp({ engine: quick, ...options, env: environment, now }).catch(async (error) => {
    await peer.stop()
    throw error
  })
  return {
    app,
    peer,
    clock,
    stop: async () => {
      await app.close()
      await peer.stop()
    },
  }
}

/** Starts a sign-in at `acme-corp` in a browser, and returns the address of the provider. */
export async function startAtAcme(browser: Browser, query: Query = {}): Promise<string> {
  const answer = await browser.visit(`/auth/acme-corp?${new URLSearchParams(query)}`)
  if (answer.status !== 302) throw new Error(`start: ${answer.status} ${answer.text}`)
  return answer.headers.get('location') ?? ''
}

/**
 * Signs in at `acme-corp` in a new browser, and returns the answer to the callback. `cookies` are of that browser at the
 * provider.
 */
export async function signInAtAcme(
  { app, peer }: Pick<OpenIdStage, 'app' | 'peer'>,
  user: OpenIdUser,
  query: Query = {},
  cookies?: Cookies,
): Promise<Answer<SessionBody>> {
  peer.signInAs(user)
  const browser = openBrowser(app)
  return browser.visit(await peer.authorize(await startAtAcme(browser, query), cookies))
}

let people = 0

/** Returns a new user of the provider, with a verified address. */
export function acmeUser(more: Record<string, unknown> = {}): OpenIdUser {
  const name = `acme-${++people}`
  return {
    sub: `sub-${name}`,
    preferred_username: name,
    email: `${name}@mail.test`,
    email_verified: true,
    ...more,
  }
}
