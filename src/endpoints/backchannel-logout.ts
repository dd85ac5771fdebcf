import { createHash } from 'node:crypto'
import * as z from 'zod'
import type { RelyingParty } from '../authentication/relying-party.ts'
import { type Context, type Middleware, withContract } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { GatewayError } from '../errors.ts'
import { readFields } from '../http/body.ts'
import { rejectionLimit } from '../limits/middleware.ts'
import { clockTolerance } from '../tokens/id-token.ts'
import type { LogoutClaims } from '../tokens/logout-token.ts'

const limit = 16_384

// The specification lets the provider send other fields too.
const logoutBody = z.looseObject({
  logout_token: z.string().meta({
    description: 'The logout token of the provider.',
    examples: ['eyJhbGciOiJSUzI1NiIsInR5cCI6ImxvZ291dCtqd3QifQ.e30.c2lnbmF0dXJl'],
  }),
})

/**
 * POST /auth/:provider/backchannel-logout: ends the sessions that a logout token of an OpenID provider names (OpenID
 * Connect Back-Channel Logout 1.0). Throws `invalid_logout_token`.
 */
export function backchannelLogout(deps: Dependencies, party: RelyingParty): Middleware[] {
  const { limits, sessions, clock } = deps
  const { name: provider } = party.provider

  async function check(ctx: Context, logoutToken: string): Promise<LogoutClaims> {
    try {
      return await party.verifyLogoutToken(logoutToken)
    } catch (cause) {
      if (!(cause instanceof GatewayError)) throw refuse((cause as Error).message, cause)
      ctx.state.announce('provider.failed', { provider, code: cause.code })
      throw refuse('the keys of the provider cannot be read', cause.cause)
    }
  }

  function refuse(reason: string, cause?: unknown): GatewayError {
    const detail = `The logout token is rejected: ${reason}.`
    return new GatewayError('invalid_logout_token', { detail, cause, about: { provider } })
  }

  return [
    rejectionLimit({ limits }),
    withContract(
      {
        body: { schema: logoutBody, limit, type: 'application/x-www-form-urlencoded' },
        answers: { 200: { description: 'The sessions have ended, or had ended before.' } },
        errors: [
          'invalid_logout_token',
          'unsupported_media_type',
          'body_too_large',
          'malformed_request',
          'database_unavailable',
        ],
      },
      async function backchannelLogout(ctx) {
        const body = logoutBody.safeParse(await readFields(ctx, limit))
        if (!body.success) throw refuse('logout_token is missing', body.error)
        const { jti, iat, exp, sub = null, sid = null } = await check(ctx, body.data.logout_token)
        const { isFirst, hasLater, ended } = await sessions.endByProvider(
          {
            provider,
            subject: sub,
            sid,
            before: new Date((iat + 1) * 1000),
            hash: createHash('sha256').update(`logout-token\n${provider}\n${jti}`).digest(),
            expiresAt: new Date((exp + 2 * clockTolerance) * 1000),
          },
          clock(),
        )
        if (!isFirst) throw refuse('it was used before')
        for (const session of ended) ctx.state.announce('session.ended_by_provider', { provider, ...session })
        if (hasLater && ended.length === 0) throw refuse('the session began after it')
        ctx.set('Cache-Control', 'no-store')
        ctx.body = ''
        ctx.remove('Content-Type')
      },
    ),
  ]
}
