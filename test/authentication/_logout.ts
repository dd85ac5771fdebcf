import type { JWTPayload } from 'jose'
import type { Answer, AppOptions, TestApp } from '../_app.ts'
import { clientId } from '../_openid-provider.ts'
import { type OpenIdStage, startOpenIdStage } from './_openid.ts'

/** The event of a logout token. */
export const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }

/** Starts a provider that sends logout tokens to the gateway, and the gateway. */
export async function startLogoutStage(options: AppOptions = {}): Promise<OpenIdStage> {
  let target = ''
  const stage = await startOpenIdStage({
    ...options,
    client: {
      backchannel_logout_uri: 'https://gateway.test/auth/acme-corp/backchannel-logout',
      backchannel_logout_session_required: true,
      post_logout_redirect_uris: ['https://gateway.test/signed-out'],
    },
    more: {
      features: {
        devInteractions: { enabled: false },
        backchannelLogout: { enabled: true },
        rpInitiatedLogout: {
          logoutSource: async (ctx: { body: string }, form: string) => {
            ctx.body = form
          },
        },
      },
      // The provider's own dispatcher refuses loopback addresses.
      fetch: (url: string, { dispatcher: _, ...init }: RequestInit & { dispatcher: unknown }) =>
        fetch(target + new URL(url).pathname, init),
    },
  })
  target = stage.app.url
  return stage
}

let logouts = 0

/** Returns the claims of a new logout token. */
export function logoutClaims({ peer, clock }: OpenIdStage, more: Record<string, unknown> = {}): JWTPayload {
  const now = Math.floor((Date.now() + clock.ahead) / 1000)
  const claims = {
    iss: peer.issuer,
    aud: clientId,
    iat: now,
    exp: now + 120,
    jti: `logout-${++logouts}`,
    events,
  }
  return Object.fromEntries(Object.entries({ ...claims, ...more }).filter(([, value]) => value !== undefined))
}

/** Sends a logout token to the gateway. */
export function sendLogout(
  app: TestApp,
  token: string,
  more: Record<string, string> = {},
  provider = 'acme-corp',
): Promise<Answer> {
  const raw = new URLSearchParams({ logout_token: token, ...more }).toString()
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
  return app.call('POST', `/auth/${provider}/backchannel-logout`, { raw, headers })
}

/** Signs a logout token with the key of the provider, and sends it. */
export async function logoutOf(stage: OpenIdStage, more: Record<string, unknown>): Promise<Answer> {
  const token = await stage.peer.sign(logoutClaims(stage, more), { header: { typ: 'logout+jwt' } })
  return sendLogout(stage.app, token)
}
