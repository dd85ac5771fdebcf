import type { GatewayError } from '../errors.ts'
import { html } from '../http/html.ts'
import { form } from './components.ts'
import { describeError } from './error-messages.ts'
import { placeOf } from './links.ts'
import type { View } from './render.ts'

/**
 * Says what went wrong where there is no form to say it beside. The code and `requestId` are for whoever runs the app or
 * the gateway: they look them up in the documentation and in the log.
 */
export function failurePage(error: GatewayError, requestId: string): View {
  // Most often somebody who has found the gateway at another address than its public one.
  const isElsewhere = error.code === 'origin_not_allowed'
  return ({ texts, language, site }) => ({
    title: error.code === 'not_found' ? texts.notFound : texts.somethingWrong,
    hasFailed: true,
    body: html`<p role="alert">${describeError(error, texts, language)}</p>
<p class="aside">${isElsewhere ? html`<a href="${site.url}/">${site.url}</a>` : html`<a href="${site.base}/">${texts.toStart}</a>`}</p>
<p class="aside reference"><code>${error.code}</code><br><code>${requestId}</code></p>`,
  })
}

/** Asks somebody whom an app has sent to sign out whether they want to: a link alone signs nobody out. */
export function signOutPage(username: string, action: string): View {
  return (page) => ({
    title: page.texts.signOut,
    body: html`<p>${page.texts.signedInAs(username)}</p>
${form(page, action, html`<button class="button main">${page.texts.signOut}</button>`)}
<p class="aside"><a href="${page.site.base}/account">${page.texts.account}</a></p>`,
  })
}

/** Says that somebody is signed out, with a way back to the app that they came from, if it is known. */
export function signedOutPage(redirectTo: string | null): View {
  return ({ texts, site }) => ({
    title: texts.signedOut,
    body: html`<p>${texts.signedOutHint}</p>
${redirectTo !== null && html`<p><a class="button main" href="${redirectTo}">${texts.backToApp}</a></p>\n`}<p><a class="button" href="${site.base}/signin">${texts.signInAgain}</a></p>`,
  })
}

/**
 * Sends the browser on to another origin. A page in between, because browsers hold every redirect that follows a form to
 * the Content-Security-Policy of the form, and nobody knows where an app or a provider redirects to in turn.
 */
export function goingOnPage(url: string): View {
  return ({ texts }) => ({
    title: texts.goingOn(placeOf(url)),
    goesOnTo: url,
    body: html`<p><a class="button main" href="${url}">${texts.goOn}</a></p>`,
  })
}
