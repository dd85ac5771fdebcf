import type { Context, Middleware } from '../context.ts'
import { GatewayError } from '../errors.ts'
import { toGatewayError } from '../http/error-handler.ts'
import { queryOf } from './links.ts'
import { failurePage } from './message-page.ts'
import type { Show } from './show.ts'

/** Shows a form again, with what went wrong. */
export type ShowAgain = (ctx: Context, error: GatewayError) => Promise<void> | void

/**
 * Answers whatever the steps to its right fail with by a page: the form again with what was typed, where there is one
 * and it was reached, or a page that says what is wrong. Whoever has to sign in first is sent to `signinPath`.
 */
export function createFailure(show: Show, signinPath: string, showAgain?: ShowAgain): Middleware {
  return async function failure(ctx, next) {
    try {
      requireNavigation(ctx)
      await next()
    } catch (thrown) {
      const error = toGatewayError(thrown, ctx)
      if (error.code === 'invalid_token') return seeOther(ctx, pathFor(ctx, signinPath))
      const { 'WWW-Authenticate': _scheme, ...headers } = error.headers
      ctx.set(headers)
      if (showAgain && ctx.state.form) {
        try {
          return await showAgain(ctx, error)
        } catch (err) {
          ctx.state.log.error({ err }, 'a form could not be shown again')
        }
      }
      show(ctx, error.status, failurePage(error, ctx.state.requestId))
    }
  }
}

/** Whoever only wanted to see something is not told that they have to sign in: they see it. */
function pathFor(ctx: Context, signinPath: string): string {
  return signinPath + queryOf(ctx.state.start, ctx.method === 'POST' ? { error: 'invalid_token' } : {})
}

/** A page is for a person who looks at it, not for a script of an app on a sister site, with which cookies would go along. */
function requireNavigation(ctx: Context): void {
  const isForeign = /^(same|cross)-site$/.test(ctx.get('sec-fetch-site'))
  if (isForeign && ctx.get('sec-fetch-mode') !== 'navigate') throw new GatewayError('origin_not_allowed')
}

/** Sends the browser to a page with GET, so that going back or loading again sends nothing twice (RFC 9110, section 15.4.4). */
export function seeOther(ctx: Context, path: string): void {
  ctx.status = 303
  ctx.redirect(path)
}
