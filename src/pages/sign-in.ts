import type { Context, Middleware } from '../context.ts'
import { GatewayError } from '../errors.ts'
import { html } from '../http/html.ts'
import { field, form, providerLinks, summary } from './components.ts'
import { describeTrouble, readError, type Trouble } from './error-messages.ts'
import { type ShowAgain, seeOther } from './errors.ts'
import { placeOf, queryOf } from './links.ts'
import { goingOnPage, signedOutPage, signOutPage } from './messages.ts'
import type { Page, Show, Shown, View } from './render.ts'

/** The steps that show the ways in and the way out. `base` is what our paths begin with. */
export function createEntrySteps(show: Show, base: string, signup: boolean) {
  /** Shows a form again, with what was typed into it. */
  const again =
    (pageOf: (entry: Entry) => View): ShowAgain =>
    (ctx, error) =>
      show(ctx, error.status, pageOf(entryOf(ctx, error)))
  /** From where there is a link back to the app that has asked for it. */
  const toSignedOut: Middleware = async function toSignedOut(ctx) {
    seeOther(ctx, `${base}/signed-out${queryOf(ctx.state.start)}`)
  }
  return {
    showSigninAgain: again(signinPage),
    showSignupAgain: again(signupPage),

    /** For whoever was asked whether to go on as who they are; signed out meanwhile, they have to sign in. */
    showContinueAgain: ((ctx, error) => {
      const { visitor } = ctx.state
      again(visitor ? (entry) => continuePage(entry, visitor.username) : signinPage)(ctx, error)
    }) satisfies ShowAgain as ShowAgain,

    /** The page to sign in, or for somebody who is signed in the way on. What went wrong elsewhere is said here. */
    signin: async function signin(ctx) {
      const { visitor, start } = ctx.state
      const error = readError(ctx)
      const isOther = ctx.query.prompt === 'login' || error !== null
      const entry = entryOf(ctx, error)
      if (!visitor || isOther) return show(ctx, 200, signinPage(entry))
      if (!start?.redirectTo) return seeOther(ctx, `${base}/account`)
      show(ctx, 200, continuePage(entry, visitor.username))
    } satisfies Middleware as Middleware,

    /** The page to sign up. Throws `signup_disabled`. */
    signup: async function showSignup(ctx) {
      const { visitor, start } = ctx.state
      if (!signup) throw new GatewayError('signup_disabled')
      if (visitor && !start?.redirectTo) return seeOther(ctx, `${base}/account`)
      show(ctx, 200, signupPage(entryOf(ctx, null)))
    } satisfies Middleware as Middleware,

    /** A provider sign-in begins with a click on our page: whom another site sends comes to that page first. */
    fromPage: async function fromPage(ctx, next) {
      if (/^(same|cross)-site$/.test(ctx.get('sec-fetch-site'))) {
        return seeOther(ctx, `${base}/signin${queryOf(ctx.state.start)}`)
      }
      await next()
    } satisfies Middleware as Middleware,

    /** Sends whoever loads the address of a form to the page that it is on. */
    toPage: (path: string): Middleware =>
      async function toPage(ctx) {
        seeOther(ctx, `${base}${path}${ctx.search}`)
      },

    /** The end, or for somebody who is still signed in the way there, if an app has sent them. */
    signedOut: async function signedOut(ctx) {
      const { visitor, start } = ctx.state
      const redirectTo = start?.redirectTo ?? null
      if (!visitor) return show(ctx, 200, signedOutPage(redirectTo))
      if (redirectTo === null) return seeOther(ctx, `${base}/account`)
      show(ctx, 200, signOutPage(visitor.username, `/account/signout${queryOf(start)}`))
    } satisfies Middleware as Middleware,

    /** Whoever is signed out already, such as in another tab, has no form to prove: nothing is left to do. */
    unlessSignedOut: async function unlessSignedOut(ctx, next) {
      if (!ctx.state.visitor) return toSignedOut(ctx, next)
      await next()
    } satisfies Middleware as Middleware,

    toSignedOut,

    /** Ends a sign-in that no app has asked for on the account page. */
    home: async function home(ctx, next) {
      const { redirectTo } = ctx.state.flow ?? ctx.state.start ?? { redirectTo: null }
      if (redirectTo !== null) return next()
      seeOther(ctx, `${base}/account`)
    } satisfies Middleware as Middleware,

    /** Makes a page of our own of the redirect to somewhere else that the steps to its right end with. */
    goOn: async function goOn(ctx, next) {
      await next()
      const url = ctx.response.get('Location')
      if (!URL.canParse(url)) return
      ctx.remove('Location')
      show(ctx, 200, goingOnPage(url))
    } satisfies Middleware as Middleware,
  }
}

function entryOf(ctx: Context, error: GatewayError | null): Entry {
  const { start, form } = ctx.state
  return {
    start,
    typed: form?.username === undefined ? {} : { username: form.username },
    trouble: (page) => error && describeTrouble(error, page, form ? { secret: null } : null),
  }
}

/** What the pages to sign in and to sign up are asked to show. */
type Entry = {
  start: Context['state']['start']
  /** What was typed before. */
  typed: Readonly<Record<string, string>>
  trouble: (page: Page) => Trouble | null
}

/** Username and password, and the providers. */
function signinPage({ start, typed, trouble }: Entry): View {
  return function signin(page): Shown {
    const { site, texts } = page
    const found = trouble(page)
    const query = queryOf(start)
    const content = html`${field(page, { name: 'username', autocomplete: 'username webauthn', value: typed.username, isFirst: true }, found)}
${field(page, { name: 'password', autocomplete: 'current-password' }, found)}
<button class="button main">${texts.signIn}</button>`
    return {
      title: texts.signInTo(site.files.name),
      hasFailed: found !== null,
      body: html`${summary(found)}${form(page, `/signin${query}`, content)}
${providerLinks(page, query)}
${site.signup && html`<p class="aside">${texts.noAccountYet} <a href="${site.base}/signup${query}">${texts.signUp}</a></p>`}`,
    }
  }
}

/** Username and a new password, and the providers. */
function signupPage({ start, typed, trouble }: Entry): View {
  return function signup(page): Shown {
    const { site, texts } = page
    const found = trouble(page)
    const query = queryOf(start)
    const hint = texts.passwordHint(site.passwordMinLength)
    const content = html`${field(page, { name: 'username', autocomplete: 'username', value: typed.username, isFirst: true }, found)}
${field(page, { name: 'password', autocomplete: 'new-password', hint }, found)}
${field(page, { name: 'confirmPassword', autocomplete: 'new-password' }, found)}
<button class="button main">${texts.signUp}</button>`
    return {
      title: texts.signUpTo(site.files.name),
      hasFailed: found !== null,
      body: html`${summary(found)}${form(page, `/signup/form${query}`, content)}
${providerLinks(page, query)}
<p class="aside">${texts.accountAlready} <a href="${site.base}/signin${query}">${texts.signIn}</a></p>`,
    }
  }
}

/** Asks somebody who is signed in whether they want to go back to the app as who they are. */
function continuePage({ start, trouble }: Entry, username: string): View {
  return function goOnAs(page): Shown {
    const { site, texts } = page
    const found = trouble(page)
    const button = html`<button class="button main" autofocus>${texts.continueAs(username)}</button>`
    return {
      title: texts.signInTo(site.files.name),
      hasFailed: found !== null,
      body: html`${summary(found)}<p>${texts.signedInAs(username)} ${start?.redirectTo && texts.goesBackTo(placeOf(start.redirectTo))}</p>
${form(page, `/signin/continue${queryOf(start)}`, button)}
<p class="aside"><a href="${site.base}/signin${queryOf(start, { prompt: 'login' })}">${texts.useAnother}</a></p>`,
    }
  }
}
