import { claimed } from '../claims/claims-proxy.ts'
import { type Clock, type Middleware, withContract } from '../context.ts'
import type { OneTime } from '../stores/one-time.ts'
import { codeLifetime, createCode, hashCode } from '../tokens/authorization-code.ts'

const nowhere = { redirectTo: null, codeChallenge: null }

/**
 * Ends a sign-in by redirect: back to where the client asked to be sent, with a one-time code in place of any token. A
 * client that asked for no redirect gets the session at once, from the next step.
 */
export function createHandOff(oneTime: Pick<OneTime, 'createCode'>, clock: Clock): Middleware {
  return withContract({ errors: ['database_unavailable'] }, async function handOff(ctx, next) {
    const { redirectTo, codeChallenge } = ctx.state.flow ?? ctx.state.start ?? nowhere
    if (redirectTo === null) return next()
    const { sessionId } = claimed(ctx).access
    const code = createCode()
    const expiresAt = new Date(clock().getTime() + codeLifetime * 1000)
    await oneTime.createCode({ hash: hashCode(code), sessionId, codeChallenge, expiresAt })
    const target = new URL(redirectTo)
    target.searchParams.set('code', code)
    ctx.redirect(target.href)
  })
}
