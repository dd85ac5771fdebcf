import type { Authenticate } from './authentication/authenticate.ts'
import type { RedirectProvider } from './authentication/provider.ts'
import { createPageStart } from './authentication/start-sign-in.ts'
import { type Access, type Context, type Middleware, withContract } from './context.ts'
import type { Deps } from './dependencies.ts'
import type { ErrorCode } from './errors.ts'
import { withoutQuery } from './http/query.ts'
import { prefersHtml } from './http/request.ts'
import { walk } from './http/run-steps.ts'
import { createAccountSteps } from './pages/account.ts'
import { createAssets, type PageFiles } from './pages/assets.ts'
import {
  announceAppSession,
  createKeep,
  createLook,
  createPageCookie,
  createSignOut,
  requireVisitor,
} from './pages/browser-session.ts'
import { createCsrf } from './pages/csrf.ts'
import {
  createFailure,
  createForPeople,
  createFront,
  createNotFound,
  type ShowAgain,
} from './pages/errors.ts'
import { createInput, readForm } from './pages/form.ts'
import { queryOf } from './pages/links.ts'
import { createShow } from './pages/render.ts'
import { createEntrySteps } from './pages/sign-in.ts'

/** What the steps of the JSON interface lend to those of the pages. */
export type Lent = {
  redirectProviders: readonly RedirectProvider[]
  authenticate: Authenticate
  claims: (read: (ctx: Context) => Promise<Access>, refused: ErrorCode) => Middleware
  begin: (ctx: Context) => Promise<Access>
  beside: (ctx: Context) => Promise<Access>
  handOff: Middleware
}

/** The steps that the routes of the pages are made of, each with all that it needs. */
export function createPageSteps(deps: Deps, files: PageFiles, lent: Lent) {
  const { config, sessions, pageSessions, clock } = deps
  const { origin, pathname } = new URL(config.publicUrl)
  const base = pathname.replace(/\/$/, '')
  const secure = origin.startsWith('https:')
  const site = {
    files,
    url: config.publicUrl,
    base,
    providers: lent.redirectProviders.map(({ name, label, icon }) => ({ name, label, icon })),
    signup: config.signup,
    passwordMinLength: config.passwordMinLength,
  }
  const cookie = createPageCookie(deps.secrets.page, secure, clock)
  const csrf = createCsrf({ keys: deps.secrets.form, secure, origin }, clock)
  const show = createShow(site, csrf, clock)
  const entry = createEntrySteps(show, base, config.signup)
  const account = createAccountSteps(show, base, { ...deps, url: `${config.publicUrl}/account` })
  const look = createLook(cookie, sessions, pageSessions, clock)
  const start = createPageStart(config.redirectOrigins)
  const failure = (showAgain?: ShowAgain) => createFailure(show, `${base}/signin`, showAgain)
  /** A form of ours, sent by whoever it was made for. */
  const form = [csrf.requireOwnOrigin, readForm, csrf.requireToken]
  /** Whoever has authenticated is signed in here, and in the app that asked for it by a session of its own. */
  const toApp = [entry.home, lent.claims(lent.beside, 'invalid_token'), announceAppSession, lent.handOff]
  const signIn = [
    lent.claims(lent.begin, 'invalid_credentials'),
    createKeep(cookie, sessions, clock),
    ...toApp,
  ]
  const signedIn = [lent.claims(async (ctx) => requireVisitor(ctx.state.visitor), 'invalid_token')]

  return {
    entry,
    account,
    look,
    start,
    form,
    input: createInput,
    failure,
    /** What stands in the place of the JSON interface's door. */
    door: { signIn, signedIn },
    /** From our page to the app, for whoever is signed in. */
    signedInToApp: [...signedIn, ...toApp],
    signOut: createSignOut(cookie, sessions, clock),
    // The strategy would take a query for the answer of its provider.
    startAt: (name: string) => withoutQuery(lent.authenticate(name, 'identity', 'provider_denied')),
    front: createFront(cookie, base),
    notFound: createNotFound(show),
    forPeople: (isPage: (ctx: Context) => boolean) => createForPeople(isPage, failure()),
    assets: createAssets(files),
    /** The rest of a provider sign-in that was begun on a page. */
    finish: withContract(
      {
        answers: {
          303: {
            description: 'A sign-in that was begun on a page, and not for an app: to the account.',
            headers: { Location: 'The path of the account page.' },
          },
        },
      },
      async function finishOnPage(ctx, next) {
        if (ctx.state.flow?.page !== true) return next()
        await walk([look, ...signIn], ctx)
      },
    ),
    /** Where the failure of a provider sign-in is shown, if it is on a page of ours. */
    pageFor: (ctx: Context): URL | null => {
      const { flow } = ctx.state
      const isOurs = flow ? flow.page : prefersHtml(ctx)
      return isOurs ? new URL(`${config.publicUrl}/signin${queryOf(flow)}`) : null
    },
  }
}
