import { type Context, type Middleware, withContract } from '../context.ts'
import { GatewayError } from '../errors.ts'
import { prefersHtml } from '../http/request.ts'
import { seeOther } from './failure.ts'
import { failurePage } from './message-page.ts'
import type { PageCookie } from './page-cookie.ts'
import type { Show } from './show.ts'

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
