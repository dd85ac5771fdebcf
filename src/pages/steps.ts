import { startPageSignIn } from '../authentication/start-sign-in.ts'
import { claimsProxy } from '../claims/claims-proxy.ts'
import type { Middleware } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { redirectWithCode } from '../endpoints/redirect-with-code.ts'
import type { Endpoint, Transport } from '../endpoints/transport.ts'
import { rememberDevice } from '../limits/device-cookie.ts'
import type { PageFiles } from './assets.ts'
import {
  announceAppSession,
  createPageCookie,
  loadBrowserSession,
  requireBrowserSession,
  saveBrowserSession,
} from './browser-session.ts'
import { createCsrf } from './csrf.ts'
import { errorPage, type ShowAgain } from './errors.ts'
import { formBody, readForm } from './form.ts'
import { interstitialRedirect, redirectToAccount } from './redirects.ts'
import { createRenderPage } from './render.ts'
import { createSite } from './site.ts'

/** The dependencies of the pages, and the steps that several pages have. */
export type Pages = ReturnType<typeof createPageSteps>

/** Creates the steps that several pages have. `transport` is the transport of the JSON routes. */
export function createPageSteps(deps: Dependencies, files: PageFiles, transport: Transport) {
  const { config, clock, pageKeys, openSession } = deps
  const { roles, publicUrl: url } = config
  const { pathname } = new URL(url)
  const base = pathname.replace(/\/$/, '')
  const cookie = createPageCookie({ keys: pageKeys.session, publicUrl: url, clock })
  const csrf = createCsrf({ keys: pageKeys.form, publicUrl: url, clock })
  const site = createSite(deps, files, base)
  const render = createRenderPage({ site, csrf, clock })
  const page = { ...deps, base, cookie, render }

  const load = loadBrowserSession(page)
  const start = startPageSignIn(deps)
  const checkForm = [csrf.requireOwnOrigin, readForm, csrf.requireToken]
  /** Redirects the signed-in user to the app with a session of its own, or without an app to the account page. */
  const toApp = [
    redirectToAccount(page),
    claimsProxy({ roles, read: openSession.startSecond, refused: 'invalid_token' }),
    announceAppSession,
    redirectWithCode(deps),
  ]
  const signIn = [
    claimsProxy({ roles, read: openSession.start, refused: 'invalid_credentials' }),
    rememberDevice(page),
    saveBrowserSession(page),
    ...toApp,
  ]
  const signedIn = [claimsProxy({ roles, read: requireBrowserSession, refused: 'invalid_token' })]

  /** Returns the first steps of a form that may lead to an app. */
  const form = (showAgain: ShowAgain, ...guards: Middleware[]) => {
    const errors = errorPage({ ...page, showAgain })
    return [errors, ...guards, load, start, interstitialRedirect(page), ...checkForm]
  }
  /** Returns the steps of an endpoint whose input is the form. */
  const stepsOf = (endpoint: Endpoint): Middleware[] => {
    const { input, steps } = endpoint(deps, { ...transport, signIn, signedIn })
    return [...(input ? [formBody(input)] : []), ...steps]
  }
  const shown = [errorPage(page), load, start]
  return { ...page, load, start, checkForm, toApp, signIn, signedIn, form, shown, stepsOf }
}
