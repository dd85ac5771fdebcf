import { bearer } from '../authentication/bearer.ts'
import { claimsProxy } from '../claims/claims-proxy.ts'
import type { ActiveSession, Context, Middleware } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import type { Operation } from '../hasura/run-operation.ts'
import { rememberDevice } from '../limits/device-cookie.ts'
import { createRefreshTransport, type RefreshTransport } from '../sessions/refresh-transport.ts'
import { session } from './session.ts'

/** The steps that differ between the JSON interface, Hasura and the pages. */
export type Transport = {
  /** Reads and sends refresh tokens: in the body or in a cookie. */
  refresh: RefreshTransport
  /** Answers with the session. */
  session: Middleware
  /** Starts a session for the user who has authenticated, and answers with it. */
  signIn: readonly Middleware[]
  /** Reads the session of the signed-in user. */
  signedIn: readonly Middleware[]
  /** Reads the session of the signed-in user, and the profile. */
  withProfile: readonly Middleware[]
}

/** One operation of the gateway, for any transport. */
export type Endpoint = (deps: Dependencies, transport: Transport) => Operation

/** Creates the transport of the JSON routes. Every session passes the claims proxy. */
export function jsonTransport(deps: Dependencies, { cookieMode }: { cookieMode: boolean }): Transport {
  const { config, openSession } = deps
  const { publicUrl } = config
  const origins = [new URL(publicUrl).origin, ...config.corsOrigins]
  const refresh = createRefreshTransport({ cookieMode, origins, publicUrl })
  const answer = session(deps, refresh)
  const { roles } = config
  const signedIn = (read: (ctx: Context) => Promise<ActiveSession>) => [
    bearer(deps),
    claimsProxy({ roles, read, refused: 'invalid_token' }),
  ]
  return {
    refresh,
    session: answer,
    signIn: [
      claimsProxy({ roles, read: openSession.start, refused: 'invalid_credentials' }),
      rememberDevice(deps),
      answer,
    ],
    signedIn: signedIn(openSession.current),
    withProfile: signedIn(openSession.profile),
  }
}
