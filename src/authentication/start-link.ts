import { z } from 'zod'
import { type Middleware, withContract } from '../context.ts'
import { readQuery } from '../http/query.ts'
import { createRequireTarget, redirectTarget } from './redirect-target.ts'

/** The body of POST /user/identities/:provider. */
export const linkBody = z.strictObject({
  redirectTo: redirectTarget('https://app.example.com/account').optional(),
})

const noQuery = z.strictObject({})

const linkAnswer = z.strictObject({
  url: z.url().meta({
    description: 'Visit it in the same browser.',
    examples: ['https://github.com/login/oauth/authorize?client_id=example'],
  }),
})

/**
 * Starts to link a provider to the user of the access token, instead of signing somebody in with it: what comes back
 * is bound to that user and session by the state cookie. Throws `redirect_not_allowed`, and
 * `validation_failed` for any query.
 */
export function createStartLink(origins: readonly string[]): Middleware {
  const requireAllowed = createRequireTarget(origins)
  return withContract(
    {
      answers: { 200: { description: 'Where to send the browser.', schema: linkAnswer } },
      errors: ['validation_failed', 'redirect_not_allowed'],
    },
    async function startLink(ctx, next) {
      // The strategy would take it for the answer of its provider.
      readQuery(ctx, noQuery)
      const { redirectTo = null } = ctx.state.body as z.infer<typeof linkBody>
      const { bearer } = ctx.state
      if (!bearer) throw new Error('this route does not verify a token')
      requireAllowed(redirectTo)
      const link = { userId: bearer.userId, sessionId: bearer.sessionId }
      ctx.state.start = { redirectTo, codeChallenge: null, link, page: false }
      await next()
      const url = ctx.response.get('Location')
      ctx.remove('Location')
      ctx.status = 200
      ctx.body = { url }
    },
  )
}
