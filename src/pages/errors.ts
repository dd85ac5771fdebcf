import type { Context, Middleware } from '../context.ts'
import { GatewayError } from '../errors.ts'
import { toGatewayError } from '../http/error-handler.ts'
import { html } from '../http/html.ts'
import { prefersHtml } from '../http/request.ts'
import { localizeError } from './error-messages.ts'
import { queryOf, seeOther } from './redirects.ts'
import type { PageTemplate, RenderPage } from './render.ts'

/** Shows a form again, with what went wrong. */
export type ShowAgain = (ctx: Context, error: GatewayError) => Promise<void> | void

type ErrorPageOptions = {
  render: RenderPage
  /** The path of the public URL. */
  base: string
  /** Shows the form of the route; undefined without a form. */
  showAgain?: ShowAgain | undefined
}

/**
 * Answers every error of the later steps with a page: with the submitted form, or with the error alone. `invalid_token`
 * redirects to the sign-in page.
 */
export function errorPage({ render, base, showAgain }: ErrorPageOptions): Middleware {
  return async function errorPage(ctx, next) {
    try {
      requireNavigation(ctx)
      await next()
    } catch (thrown) {
      const error = toGatewayError(thrown, ctx)
      if (error.code === 'invalid_token') return seeOther(ctx, signInPath(ctx, base))
      const { 'WWW-Authenticate': _scheme, ...headers } = error.headers
      ctx.set(headers)
      if (showAgain && ctx.state.form) {
        try {
          return await showAgain(ctx, error)
        } catch (err) {
          ctx.state.log.error({ err }, 'a form could not be shown again')
        }
      }
      render(ctx, error.status, failurePage(error, ctx.state.requestId))
    }
  }
}

/** Returns the path of the sign-in page, with an error message only after a form was sent. */
function signInPath(ctx: Context, base: string): string {
  return `${base}/signin${queryOf(ctx.state.start, ctx.method === 'POST' ? { error: 'invalid_token' } : {})}`
}

/** Throws `origin_not_allowed` for a script of another origin. A script of the same site would send the cookies too. */
function requireNavigation(ctx: Context): void {
  const isForeign = /^(same|cross)-site$/.test(ctx.get('sec-fetch-site'))
  if (isForeign && ctx.get('sec-fetch-mode') !== 'navigate') throw new GatewayError('origin_not_allowed')
}

/** Shows a page to a browser at an address without a route. Comes after all routes. */
export function notFound({ render }: { render: RenderPage }): Middleware {
  return async function notFound(ctx, next) {
    const isKnown = (ctx.matched ?? []).length > 0
    if (isKnown || ctx.method !== 'GET' || !prefersHtml(ctx)) return next()
    render(ctx, 404, failurePage(new GatewayError('not_found'), ctx.state.requestId))
  }
}

type HtmlErrorsOptions = {
  isPage: (ctx: Context) => boolean
  /** The step that shows the error. */
  errorPage: Middleware
}

/**
 * Shows a page to a browser at the address of a page also for errors before the steps of the route: a query that is too
 * long, or a method that the route does not have.
 */
export function renderErrorsAsHtml({ isPage, errorPage }: HtmlErrorsOptions): Middleware {
  // Called only after an error, because every request passes this step.
  const isForPerson = (ctx: Context) => isPage(ctx) && prefersHtml(ctx)
  return async function renderErrorsAsHtml(ctx, next) {
    try {
      await next()
      if (ctx.status === 405 && ctx.body === undefined && isForPerson(ctx))
        throw new GatewayError('method_not_allowed')
    } catch (error) {
      if (!isForPerson(ctx)) throw error
      await errorPage(ctx, () => Promise.reject(error))
    }
  }
}

/** Shows an error without a form, with its code and the request id for the operator. */
function failurePage(error: GatewayError, requestId: string): PageTemplate {
  // The usual cause is an address of the gateway that is not its public one.
  const isElsewhere = error.code === 'origin_not_allowed'
  return ({ texts, language, site }) => ({
    title: error.code === 'not_found' ? texts.notFound : texts.somethingWrong,
    isError: true,
    body: html`<p role="alert">${localizeError(error, texts, language)}</p>
<p class="aside">${isElsewhere ? html`<a href="${site.url}/">${site.url}</a>` : html`<a href="${site.base}/">${texts.toStart}</a>`}</p>
<p class="aside reference"><code>${error.code}</code><br>${error.about?.origin !== undefined && html`<code>${error.about.origin}</code><br>`}<code>${requestId}</code></p>`,
  })
}
