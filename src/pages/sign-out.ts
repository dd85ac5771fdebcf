import { startPageSignIn } from '../authentication/start-sign-in.ts'
import type { Middleware } from '../context.ts'
import { html } from '../http/html.ts'
import { signOut } from './browser-session.ts'
import { form } from './components.ts'
import { errorPage } from './errors.ts'
import { queryOf, seeOther } from './redirects.ts'
import type { PageTemplate } from './render.ts'
import type { Pages } from './steps.ts'

/** GET /signed-out: shows that the user is signed out. A signed-in user whom an app has sent may sign out here. */
export function showSignedOut(pages: Pages): Middleware[] {
  const { load, render, base } = pages
  return [
    errorPage(pages),
    load,
    readTarget(pages),
    async function showSignedOut(ctx) {
      const { browserSession, start } = ctx.state
      const redirectTo = start?.redirectTo ?? null
      if (!browserSession) return render(ctx, 200, signedOutPage(redirectTo))
      if (redirectTo === null) return seeOther(ctx, `${base}/account`)
      render(ctx, 200, signOutPage(browserSession.username, `/account/signout${queryOf(start)}`))
    },
  ]
}

/** POST /account/signout: signs this browser out. */
export function submitSignOut(pages: Pages): Middleware[] {
  const { load, checkForm } = pages
  const redirect = redirectToSignedOut(pages)
  // A browser that is signed out already, such as in another tab, has a form whose token is no longer valid.
  const skipIfSignedOut: Middleware = async function skipIfSignedOut(ctx, next) {
    if (!ctx.state.browserSession) return redirect(ctx, next)
    await next()
  }
  return [errorPage(pages), load, readTarget(pages), skipIfSignedOut, ...checkForm, signOut(pages), redirect]
}

/** Reads the redirect target of a sign-out, which gets no code and so needs no PKCE challenge. */
function readTarget({ config }: Pages): Middleware {
  return startPageSignIn({ config: { ...config, requirePkce: false } })
}

/** Redirects to the page that shows that the user is signed out, with its link back to the app. */
function redirectToSignedOut({ base }: Pages): Middleware {
  return async function redirectToSignedOut(ctx) {
    seeOther(ctx, `${base}/signed-out${queryOf(ctx.state.start)}`)
  }
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

/** Confirms the sign-out, with a link back to the app of the request. */
function signedOutPage(redirectTo: string | null): PageTemplate {
  return ({ texts, site }) => ({
    title: texts.signedOut,
    body: html`<p>${texts.signedOutHint}</p>
${redirectTo !== null && html`<p><a class="button main" href="${redirectTo}">${texts.backTo(site.appOf(redirectTo))}</a></p>\n`}<p><a class="button" href="${site.base}/signin">${texts.signInAgain}</a></p>`,
  })
}
