import * as z from 'zod'
import { claimsProxy } from '../claims/claims-proxy.ts'
import { type Middleware, withContract } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import type { Operation } from '../hasura/run-operation.ts'
import { bodyOf, withBody } from '../http/body.ts'
import { addressLimit } from '../limits/middleware.ts'
import { attempt } from '../observability/announce.ts'
import type { RefreshTransport } from '../sessions/refresh-transport.ts'
import type { Transport } from './transport.ts'

// Any text: a wrong token or code is 401, whatever its length and characters.
const token = z.string().meta({ examples: ['cgr_F-mQRR5mRsiuEBG_…'] })

/** Makes the schema of a body with a refresh token. In cookie mode the token may come in the cookie. */
export const createTokenBody = ({ cookie }: Pick<RefreshTransport, 'cookie'>) =>
  z.strictObject({ refreshToken: cookie === null ? token : token.optional() })

/** Reads the refresh token of the request into `ctx.state.refreshToken`. Throws `invalid_token` without one. */
export function readRefreshToken(
  body: z.ZodType<{ refreshToken?: string | undefined }>,
  { contract, read }: RefreshTransport,
): Middleware {
  return withContract(
    contract,
    withBody(body, async function readRefreshToken(ctx, { refreshToken }, next) {
      ctx.state.refreshToken = read(ctx, refreshToken)
      await next()
    }),
  )
}

/** POST /token: continues a session with its next pair of tokens. */
export function refreshToken(deps: Dependencies, { refresh, session }: Transport) {
  const { config, limits, openSession } = deps
  const input = createTokenBody(refresh)
  return {
    guards: [],
    input,
    steps: [
      addressLimit({ limits, name: 'refresh' }),
      attempt({ ok: 'refresh.ok', failed: 'refresh.failed' }),
      readRefreshToken(input, refresh),
      claimsProxy({ roles: config.roles, read: openSession.refresh, refused: 'invalid_token' }),
      session,
    ],
  } satisfies Operation
}

const exchangeBody = z.strictObject({
  code: z.string().meta({ examples: ['cgc_example'] }),
  codeVerifier: z
    .string()
    .regex(/^[\w.~-]{43,128}$/, 'must have 43 to 128 of the characters of RFC 7636')
    .meta({ examples: ['dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'] })
    .optional(),
})

/** POST /token/exchange: exchanges the one-time code of a provider sign-in for a session. */
export function exchangeCode(deps: Dependencies, { session }: Transport) {
  const { config, limits, openSession } = deps
  return {
    guards: [],
    input: exchangeBody,
    steps: [
      addressLimit({ limits, name: 'refresh' }),
      attempt({ failed: 'exchange.failed' }),
      claimsProxy({
        roles: config.roles,
        read: (ctx) => openSession.exchangeCode(bodyOf(ctx, exchangeBody)),
        refused: 'invalid_code',
      }),
      session,
    ],
  } satisfies Operation
}
