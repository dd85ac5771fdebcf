import compose from 'koa-compose'
import { requireClaims } from '../claims/claims-proxy.ts'
import { type Context, type Middleware, withContract } from '../context.ts'
import { login } from '../endpoints/login.ts'
import { askProvider } from '../endpoints/provider-sign-in.ts'
import { signup, signupGate } from '../endpoints/signup.ts'
import { GatewayError } from '../errors.ts'
import { type Html, html } from '../http/html.ts'
import { withoutQuery } from '../http/query.ts'
import { prefersHtml } from '../http/request.ts'
import { continueLimit } from '../limits/middleware.ts'
import { field, form, notice, providerLinks } from './components.ts'
import { confirmSignIn } from './confirm-sign-in.ts'
import { type FormErrors, localizeErrors, readError } from './error-messages.ts'
import { errorPage, type ShowAgain } from './errors.ts'
import { queryOf, seeOther } from './redirects.ts'
import type { Page, PageContent, PageTemplate } from './render.ts'
import type { PageProvider } from './site.ts'
import type { Pages } from './steps.ts'

/** GET /signin: shows the sign-in page, with the error of a provider sign-in. A signed-in user may continue instead. */
export function showSignIn({ shown, render, base }: Pages): Middleware[] {
  return [
    ...shown,
    async function showSignIn(ctx) {
      const { browserSession, start } = ctx.state
      const error = readError(ctx)
      const isOther = ctx.query.prompt === 'login' || error !== null
      const entry = entryOf(ctx, error)
      if (!browserSession || isOther) return render(ctx, 200, signInPage(entry))
      if (!start?.redirectTo) return seeOther(ctx, `${base}/account`)
      render(ctx, 200, continuePage(entry, browserSession.username))
    },
  ]
}

/** POST /signin: signs a user in with username and password. */
export function submitSignIn({ form, render, stepsOf }: Pages): Middleware[] {
  const showAgain: ShowAgain = (ctx, error) => render(ctx, error.status, signInPage(entryOf(ctx, error)))
  return [...form(showAgain), ...stepsOf(login)]
}

/** POST /signin/continue: gives the app of the request a session of the signed-in user. */
export function continueSignIn({ form, signedIn, toApp, render, limits }: Pages): Middleware[] {
  const showAgain: ShowAgain = (ctx, error) => {
    const { browserSession } = ctx.state
    const entry = entryOf(ctx, error)
    render(
      ctx,
      error.status,
      browserSession ? continuePage(entry, browserSession.username) : signInPage(entry),
    )
  }
  const userIdOf = (ctx: Context) => requireClaims(ctx).access.userId
  return [...form(showAgain), ...signedIn, continueLimit({ limits, userIdOf }), ...toApp]
}

/** GET /signup: shows the sign-up page. Throws `signup_disabled`. */
export function showSignUp({ shown, render, base, config }: Pages): Middleware[] {
  return [
    ...shown,
    async function showSignUp(ctx) {
      const { browserSession, start } = ctx.state
      if (!config.signup) throw new GatewayError('signup_disabled')
      if (browserSession && !start?.redirectTo) return seeOther(ctx, `${base}/account`)
      render(ctx, 200, signUpPage(entryOf(ctx, null)))
    },
  ]
}

/** POST /signup/form: creates a user and signs them in. */
export function submitSignUp({ form, render, config, stepsOf }: Pages): Middleware[] {
  const showAgain: ShowAgain = (ctx, error) => render(ctx, error.status, signUpPage(entryOf(ctx, error)))
  return [...form(showAgain, signupGate({ isOpen: config.signup })), ...stepsOf(signup)]
}

/** GET /signin/:provider: redirects the browser to the provider. */
export function signInWithProvider(pages: Pages, provider: PageProvider): Middleware[] {
  // A strategy treats a request with a query as the callback of its provider.
  const ask = withoutQuery(askProvider(pages, provider.name))
  const confirm = pages.config.confirmSignIn ? [confirmSignIn(pages, provider, 'signin')] : []
  return [errorPage(pages), pages.start, requireSameSite({ ...pages, path: '/signin' }), ...confirm, ask]
}

/** Redirects a request from another site to the page at `path`: only the page may start a provider sign-in. */
export function requireSameSite({ base, path }: { base: string; path: string }): Middleware {
  return async function requireSameSite(ctx, next) {
    if (/^(same|cross)-site$/.test(ctx.get('sec-fetch-site'))) {
      return seeOther(ctx, `${base}${path}${queryOf(ctx.state.start)}`)
    }
    await next()
  }
}

/** Ends a provider sign-in that was started on a page. Other sign-ins pass on. */
export function finishOnPage({ load, signIn }: Pages): Middleware {
  return withContract(
    {
      answers: {
        303: {
          description: 'Redirects a sign-in from a page, without an app, to the account page.',
          headers: { Location: 'The path of the account page.' },
        },
      },
    },
    async function finishOnPage(ctx, next) {
      if (ctx.state.flow?.page !== true) return next()
      await runSteps(ctx, [load, ...signIn])
    },
  )
}

/** Runs steps within a step, so that they end before the later steps of the route. */
export function runSteps(ctx: Context, steps: Middleware[]): Promise<void> {
  return compose(steps)(ctx)
}

/** Returns the page that shows the error of a provider sign-in; null for an error that the app gets. */
export function errorPageUrl({ config }: Pages) {
  return (ctx: Context): URL | null => {
    const { flow } = ctx.state
    const isOurs = flow ? flow.page : prefersHtml(ctx)
    const path = flow?.stepUp ? '/account' : '/signin'
    return isOurs ? new URL(`${config.publicUrl}${path}${queryOf(flow)}`) : null
  }
}

function entryOf(ctx: Context, error: GatewayError | null): Entry {
  const { start, form } = ctx.state
  return {
    start,
    typed: form?.username === undefined ? {} : { username: form.username },
    errors: (page) => error && localizeErrors(error, page, form ? { secret: null } : null),
  }
}

/** The input of the sign-in and sign-up pages. */
type Entry = {
  start: Context['state']['start']
  /** The previous input. */
  typed: Readonly<Record<string, string>>
  errors: (page: Page) => FormErrors | null
}

/** Renders the sign-in page: username, password and the providers. */
function signInPage({ start, typed, errors }: Entry): PageTemplate {
  return function signin(page): PageContent {
    const { site, texts } = page
    const found = errors(page)
    const query = queryOf(start)
    const label = usernameLabel(page)
    // After a wrong password the user types only the password again.
    const isNext = typeof found?.text === 'string' && Boolean(typed.username)
    const content = html`${field(page, { name: 'username', autocomplete: 'username webauthn', label, value: typed.username, isFirst: true }, found)}
${field(page, { name: 'password', autocomplete: 'current-password', isNext }, found)}
<button class="button main">${texts.signIn}</button>`
    return {
      title: texts.signInTo(site.files.name),
      isError: found !== null,
      body: html`${lead(start, (to) => texts.askedBy(site.appOf(to)))}${notice(found, { isFocused: !isNext })}${form(page, `/signin${query}`, content)}
${providerLinks(page, { path: '/signin', query })}
${site.signup && html`<p class="aside">${texts.noAccountYet} <a href="${site.base}/signup${query}">${texts.signUp}</a></p>`}`,
    }
  }
}

/** Renders the sentence about the app that sent the user; nothing without an app. */
function lead(start: Entry['start'], sentence: (target: string) => string): Html | null {
  return start?.redirectTo ? html`<p class="lead">${sentence(start.redirectTo)}</p>\n` : null
}

function usernameLabel({ site, texts }: Page): string {
  return site.usernameAt ? texts.usernameOrEmail : texts.fields.username
}

/** Renders the sign-up page: username, a new password and the providers. */
function signUpPage({ start, typed, errors }: Entry): PageTemplate {
  return function signup(page): PageContent {
    const { site, texts } = page
    const found = errors(page)
    const query = queryOf(start)
    const hint = texts.passwordHint(site.passwordMinLength)
    const content = html`${field(page, { name: 'username', autocomplete: 'username', label: usernameLabel(page), value: typed.username, isFirst: true }, found)}
${field(page, { name: 'password', autocomplete: 'new-password', hint }, found)}
${field(page, { name: 'confirmPassword', autocomplete: 'new-password' }, found)}
<button class="button main">${texts.signUp}</button>`
    return {
      title: texts.signUpTo(site.files.name),
      isError: found !== null,
      body: html`${lead(start, (to) => texts.goesBackTo(site.appOf(to)))}${notice(found)}${form(page, `/signup/form${query}`, content)}
${providerLinks(page, { path: '/signin', query })}
<p class="aside">${texts.accountAlready} <a href="${site.base}/signin${query}">${texts.signIn}</a></p>`,
    }
  }
}

/** Asks the signed-in user to continue to the app or to sign in as another user. */
function continuePage({ start, errors }: Entry, username: string): PageTemplate {
  return function continueAs(page): PageContent {
    const { site, texts } = page
    const found = errors(page)
    const button = html`<button class="button main" autofocus>${texts.continueAs(username)}</button>`
    return {
      title: texts.signInTo(site.files.name),
      isError: found !== null,
      body: html`${lead(start, (to) => texts.askedBy(site.appOf(to)))}${notice(found)}${form(page, `/signin/continue${queryOf(start)}`, button)}
<p class="aside"><a href="${site.base}/signin${queryOf(start, { prompt: 'login' })}">${texts.useAnother}</a></p>`,
    }
  }
}
