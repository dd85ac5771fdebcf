import { type Context, type Middleware, withContract } from '../context.ts'
import { GatewayError } from '../errors.ts'
import { toGatewayError } from '../http/error-handler.ts'
import { prefersHtml } from '../http/request.ts'
import type { PageCookie } from './browser-session.ts'
import { queryOf } from './links.ts'
import { failurePage } from './messages.ts'
import type { Show } from './render.ts'

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

/** The front door: a person gets to their account or to the sign-in, a program passes on. */
export function createFront(cookie: Pick<PageCookie, 'read'>, base: string): Middleware {
  return withContract(
    {
      answers: {
        303: { description: 'For people: to a page.', headers: { Location: 'The sign-in or the account.' } },
      },
    },
    async function front(ctx, next) {
      ctx.vary('Accept')
      if (!prefersHtml(ctx)) return next()
      seeOther(ctx, `${base}/${(await cookie.read(ctx)) ? 'account' : 'signin'}`)
    },
  )
}

/** Shows a small page to a person who comes to an address where nothing is for anybody. Comes after all routes. */
export function createNotFound(show: Show): Middleware {
  return async function notFound(ctx, next) {
    const isKnown = ((ctx as { matched?: unknown[] }).matched ?? []).length > 0
    if (isKnown || ctx.method !== 'GET' || !prefersHtml(ctx)) return next()
    show(ctx, 404, failurePage(new GatewayError('not_found'), ctx.state.requestId))
  }
}

/**
 * Answers a person at the address of a page by a page also where none of its steps is reached: a query that is too long,
 * a method that it does not have. `failure` is what shows it.
 */
export function createForPeople(isPage: (ctx: Context) => boolean, failure: Middleware): Middleware {
  // Asked only when something has gone wrong: every request passes here.
  const isForPerson = (ctx: Context) => isPage(ctx) && prefersHtml(ctx)
  return async function forPeople(ctx, next) {
    try {
      await next()
      if (ctx.status === 405 && ctx.body === undefined && isForPerson(ctx))
        throw new GatewayError('method_not_allowed')
    } catch (error) {
      if (!isForPerson(ctx)) throw error
      await failure(ctx, () => Promise.reject(error))
    }
  }
}
