import type Router from '@koa/router'
import type { RedirectProvider } from '../authentication/provider.ts'
import type { Context, State } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { changePassword } from '../endpoints/change-password.ts'
import { unlinkIdentity } from '../endpoints/identities.ts'
import type { Transport } from '../endpoints/transport.ts'
import { endSession } from '../endpoints/user-sessions.ts'
import { confirmOnAccount, endOtherSessions, linkOnAccount, showAccount, submitToAccount } from './account.ts'
import { type PageFiles, sendAsset } from './assets.ts'
import { askProviderToConfirm, finishConfirmation, showConfirmation } from './confirm.ts'
import { confirmSignIn, submitConfirmation } from './confirm-sign-in.ts'
import { errorPage, notFound, renderErrorsAsHtml } from './errors.ts'
import { redirectTo, redirectToPages } from './redirects.ts'
import {
  continueSignIn,
  errorPageUrl,
  finishOnPage,
  showSignIn,
  showSignUp,
  signInWithProvider,
  submitSignIn,
  submitSignUp,
} from './sign-in.ts'
import { showSignedOut, submitSignOut } from './sign-out.ts'
import { createPageSteps } from './steps.ts'

type PageOptions = { files: PageFiles; transport: Transport }

/** Creates the pages: one line for each route, and the steps that the pages add to other routes. */
export function createPages(deps: Dependencies, { files, transport }: PageOptions) {
  const pages = createPageSteps(deps, files, transport)
  const { base, config, redirectProviders } = pages

  function addRoutes(router: Router<State>): void {
    router.get('/pages/:file', sendAsset(files))
    router.get('/signin', ...showSignIn(pages))
    router.post('/signin', ...submitSignIn(pages))
    router.post('/signin/continue', ...continueSignIn(pages))
    router.get('/signup', ...showSignUp(pages))
    router.post('/signup/form', ...submitSignUp(pages))
    for (const provider of redirectProviders) {
      const { name } = provider
      router.get(`/signin/${name}`, ...signInWithProvider(pages, provider))
      if (config.confirmSignIn) {
        router.post(`/auth/${name}/confirm`, ...submitConfirmation(pages, provider, 'auth'))
        router.post(`/signin/${name}/confirm`, ...submitConfirmation(pages, provider, 'signin'))
        router.get(`/auth/${name}/confirm`, redirectTo({ base, path: `/auth/${name}` }))
        router.get(`/signin/${name}/confirm`, redirectTo({ base, path: `/signin/${name}` }))
      }
      router.get(`/account/confirm/${name}`, ...askProviderToConfirm(pages, name))
      router.post(`/account/identities/${name}/link`, ...linkOnAccount(pages, name))
    }
    router.post('/account/identities/:provider/unlink', ...submitToAccount(pages, 'unlinked', unlinkIdentity))
    router.get('/account', ...showAccount(pages))
    router.get('/account/confirm', ...showConfirmation(pages))
    router.post('/account/confirm', ...confirmOnAccount(pages))
    router.post('/account/password', ...submitToAccount(pages, 'password', changePassword))
    router.post('/account/sessions/end-others', ...endOtherSessions(pages))
    router.post('/account/sessions/:id/end', ...submitToAccount(pages, 'ended', endSession))
    router.post('/account/signout', ...submitSignOut(pages))
    router.get('/signed-out', ...showSignedOut(pages))
    // A rejected form is shown at the address that it was sent to, and a browser may load this address again.
    router.get('/signin/continue', redirectTo({ base, path: '/signin' }))
    router.get('/signup/form', redirectTo({ base, path: '/signup' }))
    router.get('/account/{*form}', redirectTo({ base, path: '/account' }))
  }

  return {
    addRoutes,
    redirectToPages: redirectToPages(pages),
    notFound: notFound(pages),
    renderErrorsAsHtml: (isPage: (ctx: Context) => boolean) =>
      renderErrorsAsHtml({ isPage, errorPage: errorPage(pages) }),
    finishOnPage: finishOnPage(pages),
    finishConfirmation: finishConfirmation(pages),
    pageFor: errorPageUrl(pages),
    /** Returns the step that asks for a click before a provider sign-in; none unless AUTH_CONFIRM_SIGNIN is true. */
    confirmSignIn: (provider: RedirectProvider) =>
      config.confirmSignIn ? [confirmSignIn(pages, provider, 'auth')] : [],
  }
}
