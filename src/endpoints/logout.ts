import * as z from 'zod'
import { type Context, type Middleware, requireState, withContract } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { GatewayError } from '../errors.ts'
import type { Operation } from '../hasura/run-operation.ts'
import { withBody } from '../http/body.ts'
import { createTokenBody, readRefreshToken } from './token.ts'
import type { Transport } from './transport.ts'

const createLogoutBody = ({ refresh }: Transport) =>
  createTokenBody(refresh).extend({
    everywhere: z
      .boolean()
      .meta({ examples: [false] })
      .optional(),
  })

type LogoutBody = ReturnType<typeof createLogoutBody>

/** Ends the session of a refresh token, or all sessions of its user, also when it has ended already. */
export function logout(deps: Dependencies, transport: Transport) {
  const input = createLogoutBody(transport)
  return { guards: [], input, steps: endSession(deps, transport, input) } satisfies Operation
}

const logoutAnswer = z.strictObject({
  url: z.url().meta({
    description: 'The address to open in the browser, where the user also signs out at the provider.',
    examples: ['https://idp.example.com/logout?client_id=claimgate'],
  }),
})

/**
 * POST /logout: ends the session of a refresh token, as `logout`. With `provider`, answers with the address at which the
 * user also signs out at the OpenID provider with which the session began. A provider that is away has no address.
 */
export function logoutAtProvider(deps: Dependencies, transport: Transport) {
  const { refreshTokens, sessions } = deps
  const findEndSession = createFindEndSession(deps)
  const input = createLogoutBody(transport).extend({
    provider: z
      .boolean()
      .meta({ description: 'True asks for the address of the sign-out at the provider.', examples: [true] })
      .optional(),
  })
  return {
    guards: [],
    input,
    steps: [
      ...endSession(deps, transport, input),
      withContract(
        {
          answers: {
            200: {
              description: 'The session has ended, and the provider has a sign-out.',
              schema: logoutAnswer,
            },
          },
        },
        withBody(input, async function answerEndSession(ctx, { provider = false }) {
          if (!provider) return
          const { sessionId } = refreshTokens.verify(requireState(ctx, 'refreshToken'))
          const url = await findEndSession(ctx, await sessions.findProvider(sessionId))
          if (url === null) return
          ctx.status = 200
          ctx.body = { url }
        }),
      ),
    ],
  } satisfies Operation
}

function endSession(
  { sessions, refreshTokens, clock }: Dependencies,
  { refresh }: Transport,
  input: LogoutBody,
): Middleware[] {
  return [
    readRefreshToken(input, refresh),
    withContract(
      {
        answers: { 204: { description: 'The session has ended.' } },
        errors: ['invalid_token', 'database_unavailable'],
      },
      withBody(input, async function logout(ctx, { everywhere = false }, next) {
        const { sessionId } = refreshTokens.verify(requireState(ctx, 'refreshToken'))
        await sessions.revoke(sessionId, everywhere, clock())
        ctx.state.announce('logout', { sessionId, everywhere })
        refresh.clear(ctx)
        ctx.status = 204
        await next()
      }),
    ),
  ]
}

/** Returns the address at which a user signs out at a provider; null without one, and while the provider is away. */
export type FindEndSession = (ctx: Context, provider: string | null) => Promise<string | null>

/**
 * Creates the function that finds the sign-out of an OpenID provider (RP-Initiated Logout 1.0). The provider may return to
 * the page that shows the sign-out. No ID token is stored, so the provider asks its user.
 */
export function createFindEndSession({
  relyingParties,
  config,
}: Pick<Dependencies, 'relyingParties' | 'config'>): FindEndSession {
  const returnTo = config.pages === null ? null : `${config.publicUrl}/signed-out`
  return async function findEndSession(ctx, provider) {
    const party = provider === null ? undefined : relyingParties.get(provider)
    if (party === undefined || provider === null) return null
    try {
      return (await party.endSessionUrl(returnTo))?.href ?? null
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      const { code, cause } = error
      ctx.state.log.warn({ provider, code, err: cause }, 'no sign-out at the provider: it is away')
      ctx.state.announce('provider.failed', { provider, code })
      return null
    }
  }
}
