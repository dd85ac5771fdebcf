import * as z from 'zod'
import { startPageSignIn } from '../authentication/start-sign-in.ts'
import type { Context, Middleware } from '../context.ts'
import { createFindEndSession } from '../endpoints/logout.ts'
import { html } from '../http/html.ts'
import { readQuery } from '../http/query.ts'
import { requireBrowserSession, signOut } from './browser-session.ts'
import { form } from './components.ts'
import { errorPage } from './errors.ts'
import { queryOf, seeOther } from './redirects.ts'
import type { PageTemplate } from './render.ts'
import type { Pages } from './steps.ts'

// Links may have parameters that other programs added.
const signedOutQuery = z.object({ provider: z.string().optional() })

/**
 * GET /signed-out: shows that the user is signed out, with a link to the sign-out of the provider. A signed-in user whom an
 * app has sent may sign out here.
 */
export function showSignedOut(pages: Pages): Middleware[] {
  const { load, render, base, redirectProviders } = pages
  const findEndSession = createFindEndSession(pages)
  return [
    errorPage(pages),
    load,
    readTarget(pages),
    async function showSignedOut(ctx) {
      const { browserSession, start } = ctx.state
      const redirectTo = start?.redirectTo ?? null
      if (!browserSession) {
        const { provider } = readQuery(ctx, signedOutQuery)
        const label = redirectProviders.find(({ name }) => name === provider)?.label
        const url = label === undefined ? null : await findEndSession(ctx, provider ?? null)
        return render(ctx, 200, signedOutPage(redirectTo, url === null ? null : { url, label: label ?? '' }))
      }
      if (redirectTo === null) return seeOther(ctx, `${base}/account`)
      render(ctx, 200, signOutPage(browserSession.username, `/account/signout${queryOf(start)}`))
    },
  ]
}

/** POST /account/signout: signs this browser out. The next page offers the sign-out of the provider of the session. */
export function submitSignOut(pages: Pages): Middleware[] {
  const { load, checkForm, base, sessions, relyingParties } = pages
  const redirect = (ctx: Context, more?: Record<string, string>) =>
    seeOther(ctx, `${base}/signed-out${queryOf(ctx.state.start, more)}`)
  // A browser that is signed out already, such as in another tab, has a form whose token is no longer valid.
  const skipIfSignedOut: Middleware = async function skipIfSignedOut(ctx, next) {
    if (!ctx.state.browserSession) return redirect(ctx)
    await next()
  }
  return [
    errorPage(pages),
    load,
    readTarget(pages),
    skipIfSignedOut,
    ...checkForm,
    signOut(pages),
    async function redirectToSignedOut(ctx) {
      const { sessionId } = requireBrowserSession(ctx)
      const provider = await sessions.findProvider(sessionId)
      redirect(ctx, provider !== null && relyingParties.has(provider) ? { provider } : {})
    },
  ]
}

/** Reads the redirect target of a sign-out, which gets no code and so needs no PKCE challenge. */
function readTarget({ config }: Pages): Middleware {
  return startPageSignIn({ config: { ...config, requirePkce: false } })
}

/** Asks a user whom an app has sent whether to sign out: a link alone signs no user out. */
function signOutPage(username: string, action: string): PageTemplate {
  return (page) => ({
    title: page.texts.signOut,
    body: html`<p>${page.texts.signedInAs(username)}</p>
${form(page, action, html`<button class="button main">${page.texts.signOut}</button>`)}
<p class="aside"><a href="${page.site.base}/account">${page.texts.account}</a></p>`,
  })
}

/** Confirms the sign-out, with links back to the app of the request and to the sign-out of the provider. */
function signedOutPage(
  redirectTo: string | null,
  provider: { url: string; label: string } | null,
): PageTemplate {
  return ({ texts, site }) => ({
    title: texts.signedOut,
    body: html`<p>${texts.signedOutHint}</p>
${redirectTo !== null && html`<p><a class="button main" href="${redirectTo}">${texts.backTo(site.appOf(redirectTo))}</a></p>\n`}${provider !== null && html`<p><a class="button" href="${provider.url}">${texts.signOutAt(provider.label)}</a></p>\n`}<p><a class="button" href="${site.base}/signin">${texts.signInAgain}</a></p>`,
  })
}
