import { requireClaims } from '../claims/claims-proxy.ts'
import { type Middleware, withContract } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { codeLifetime, createCode, hashCode } from '../tokens/authorization-code.ts'

const nowhere = { redirectTo: null, codeChallenge: null }

/**
 * Ends a sign-in with a redirect to the `redirect_to` of the client, with a one-time code in place of tokens. Without a
 * `redirect_to`, the next step answers with the session.
 */
export function redirectWithCode({ oneTimeCodes, clock }: Dependencies): Middleware {
  return withContract({ errors: ['database_unavailable'] }, async function redirectWithCode(ctx, next) {
    const { redirectTo, codeChallenge } = ctx.state.flow ?? ctx.state.start ?? nowhere
    if (redirectTo === null) return next()
    const { sessionId } = requireClaims(ctx).access
    const code = createCode()
    const expiresAt = new Date(clock().getTime() + codeLifetime * 1000)
    await oneTimeCodes.createCode({ hash: hashCode(code), sessionId, codeChallenge, expiresAt })
    const target = new URL(redirectTo)
    target.searchParams.set('code', code)
    ctx.redirect(target.href)
  })
}
