import { startPageSignIn } from '../authentication/start-sign-in.ts'
import { claimsProxy } from '../claims/claims-proxy.ts'
import type { Middleware } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { redirectWithCode } from '../endpoints/redirect-with-code.ts'
import type { Endpoint, Transport } from '../endpoints/transport.ts'
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

/** The dependencies of the pages, and the steps that several pages have. */
export type Pages = ReturnType<typeof createPageSteps>

/** Creates the steps that several pages have. `transport` is that of the JSON routes. */
export function createPageSteps(deps: Dependencies, files: PageFiles, transport: Transport) {
  const { config, secure, clock, pageKeys, openSession } = deps
  const { roles, publicUrl } = config
  const { origin, pathname } = new URL(publicUrl)
  const base = pathname.replace(/\/$/, '')
  const cookie = createPageCookie({ keys: pageKeys.session, secure, clock })
  const csrf = createCsrf({ keys: pageKeys.form, secure, origin, clock })
  const providers = deps.redirectProviders.map(({ name, label, icon }) => ({ name, label, icon }))
  const site = { ...config, files, url: publicUrl, base, providers }
  const render = createRenderPage({ site, csrf, clock })
  const page = { ...deps, base, cookie, render }

  const load = loadBrowserSession(page)
  const start = startPageSignIn(deps)
  /** Redirects the signed-in user to the app with a session of its own, or without an app to the account page. */
  const toApp = [
    redirectToAccount(page),
    claimsProxy({ roles, read: openSession.startSecond, refused: 'invalid_token' }),
    announceAppSession,
    redirectWithCode(deps),
  ]
  const signIn = [
    claimsProxy({ roles, read: openSession.start, refused: 'invalid_credentials' }),
    saveBrowserSession(page),
    ...toApp,
  ]
  const readSession = async (ctx: Parameters<Middleware>[0]) => requireBrowserSession(ctx)
  const signedIn = [claimsProxy({ roles, read: readSession, refused: 'invalid_token' })]
  /** Checks the origin and the token of a form. */
  const checkForm = [csrf.requireOwnOrigin, readForm, csrf.requireToken]

  return {
    ...page,
    load,
    start,
    toApp,
    signIn,
    signedIn,
    checkForm,
    /** The first steps of a page. */
    shown: [errorPage(page), load, start],
    /** The first steps of a form that may lead to an app. */
    form: (showAgain: ShowAgain, ...guards: Middleware[]): Middleware[] => [
      errorPage({ ...page, showAgain }),
      ...guards,
      load,
      start,
      interstitialRedirect(page),
      ...checkForm,
    ],
    /** Returns the steps of an endpoint whose input is the form. */
    stepsOf: (endpoint: Endpoint): Middleware[] => {
      const { input, steps } = endpoint(deps, { ...transport, signIn, signedIn })
      return [...(input ? [formBody(input)] : []), ...steps]
    },
  }
}
