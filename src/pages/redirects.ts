import { type Context, type Middleware, withContract } from '../context.ts'
import { html } from '../http/html.ts'
import { prefersHtml } from '../http/request.ts'
import type { PageCookie } from './browser-session.ts'
import type { PageTemplate, RenderPage } from './render.ts'

type Start = NonNullable<Context['state']['start']>

/** Returns the query that keeps the request of an app from page to page; empty without an app. */
export function queryOf(
  start: Pick<Start, 'redirectTo' | 'codeChallenge'> | undefined,
  more: Record<string, string> = {},
): string {
  const query = new URLSearchParams({
    ...(start?.redirectTo && { redirect_to: start.redirectTo }),
    ...(start?.codeChallenge && { code_challenge: start.codeChallenge, code_challenge_method: 'S256' }),
    ...more,
  })
  return query.size > 0 ? `?${query}` : ''
}

/** Redirects to a page with 303 (RFC 9110, section 15.4.4), so that a reload does not send the form again. */
export function seeOther(ctx: Context, path: string): void {
  ctx.status = 303
  ctx.redirect(path)
}

/** Redirects to a page, with the query of the request. */
export function redirectTo({ base, path }: { base: string; path: string }): Middleware {
  return async function redirectTo(ctx) {
    seeOther(ctx, `${base}${path}${ctx.search}`)
  }
}

type RedirectToPagesOptions = { cookie: Pick<PageCookie, 'read'>; base: string }

/** GET / for browsers: redirects to the account or to the sign-in page. Requests of programs pass on. */
export function redirectToPages({ cookie, base }: RedirectToPagesOptions): Middleware {
  return withContract(
    {
      answers: {
        303: {
          description: 'Redirects browsers to a page.',
          headers: { Location: 'The sign-in or account page.' },
        },
      },
    },
    async function redirectToPages(ctx, next) {
      ctx.vary('Accept')
      if (!prefersHtml(ctx)) return next()
      seeOther(ctx, `${base}/${(await cookie.read(ctx)) ? 'account' : 'signin'}`)
    },
  )
}

/** Ends a sign-in without an app on the account page. */
export function redirectToAccount({ base }: { base: string }): Middleware {
  return async function redirectToAccount(ctx, next) {
    const { redirectTo } = ctx.state.flow ?? ctx.state.start ?? { redirectTo: null }
    if (redirectTo !== null) return next()
    seeOther(ctx, `${base}/account`)
  }
}

/** Turns the redirect of the later steps to another origin into a page that redirects. */
export function interstitialRedirect({ render }: { render: RenderPage }): Middleware {
  return async function interstitialRedirect(ctx, next) {
    await next()
    const url = ctx.response.get('Location')
    if (!URL.canParse(url)) return
    ctx.remove('Location')
    render(ctx, 200, interstitialPage(url))
  }
}

/**
 * Redirects the browser to another origin by itself. Browsers apply the Content-Security-Policy of a form to all
 * redirects that follow it, so a redirect to an app or a provider needs this page in between.
 */
function interstitialPage(url: string): PageTemplate {
  return ({ texts, site }) => ({
    title: texts.redirecting(site.appOf(url)),
    redirectTo: url,
    body: html`<p><a class="button main" href="${url}">${texts.redirectNow}</a></p>`,
  })
}
