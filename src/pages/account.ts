import type { ActiveSession, Context, Middleware } from '../context.ts'
import { askProvider } from '../endpoints/provider-sign-in.ts'
import type { Endpoint } from '../endpoints/transport.ts'
import { GatewayError } from '../errors.ts'
import { type Html, html } from '../http/html.ts'
import { withoutQuery } from '../http/query.ts'
import { freshAuthentication, isFresh } from '../sessions/fresh-authentication.ts'
import type { SessionOverview } from '../stores/session-list.ts'
import { requireBrowserSession } from './browser-session.ts'
import { field, form, notice, providerIcon, sessionList } from './components.ts'
import { confirmByForm, isUnconfirmed, renderConfirmation } from './confirm.ts'
import { type FormErrors, localizeErrors, readError } from './error-messages.ts'
import { errorPage, type ShowAgain } from './errors.ts'
import { interstitialRedirect, seeOther } from './redirects.ts'
import type { Page, PageContent, PageTemplate } from './render.ts'
import type { PageProvider } from './site.ts'
import type { Pages } from './steps.ts'

/** GET /account: shows the account page. */
export function showAccount(pages: Pages): Middleware[] {
  return [
    errorPage(pages),
    pages.load,
    ...pages.signedIn,
    async function showAccount(ctx) {
      await renderAccount(ctx, 200, readError(ctx), pages)
    },
  ]
}

/** The forms of the account page: runs an endpoint, and redirects to the account page with a message. */
export function submitToAccount(pages: Pages, message: Done, endpoint: Endpoint): Middleware[] {
  return [...formSteps(pages), done({ ...pages, message }), ...pages.stepsOf(endpoint)]
}

/** POST /account/sessions/end-others: ends all other sessions of the signed-in user. */
export function endOtherSessions(pages: Pages): Middleware[] {
  const { pageSessions, clock } = pages
  return [
    ...formSteps(pages),
    done({ ...pages, message: 'endedOthers' }),
    async function endOtherSessions(ctx) {
      for (const sessionId of await pageSessions.revokeOthers(requireBrowserSession(ctx), clock())) {
        ctx.state.announce('session.revoked', { sessionId })
      }
    },
  ]
}

/** POST /account/confirm: authenticates the signed-in user again. */
export function confirmOnAccount(pages: Pages): Middleware[] {
  return [...formSteps(pages), done({ ...pages, message: 'confirmed' }), freshAuthentication(pages)]
}

/** POST /account/identities/:provider/link: redirects the browser to a provider, to link it to the signed-in user. */
export function linkOnAccount(pages: Pages, provider: string): Middleware[] {
  const redirectTo = `${pages.config.publicUrl}/account`
  return [
    ...formSteps(pages),
    freshAuthentication(pages),
    interstitialRedirect(pages),
    async function startPageLink(ctx, next) {
      const { userId, sessionId } = requireBrowserSession(ctx)
      ctx.state.start = { redirectTo, codeChallenge: null, link: { userId, sessionId }, page: false }
      await next()
    },
    // A strategy treats a request with a query as the callback of its provider.
    withoutQuery(askProvider(pages, provider)),
  ]
}

/** The first steps of a form on the account page. A form that needs a fresh authentication asks for it and goes on. */
function formSteps(pages: Pages): Middleware[] {
  const showAgain: ShowAgain = (ctx, error) =>
    (isUnconfirmed(ctx, error) ? renderConfirmation : renderAccount)(ctx, error.status, error, pages)
  return [
    errorPage({ ...pages, showAgain }),
    pages.load,
    ...pages.signedIn,
    ...pages.checkForm,
    confirmByForm(pages),
  ]
}

/** Redirects to the account page with a message, when the later steps have succeeded. */
function done({ base, message }: { base: string; message: Done }): Middleware {
  return async function done(ctx, next) {
    await next()
    seeOther(ctx, `${base}/account?done=${message}`)
  }
}

async function renderAccount(
  ctx: Context,
  status: number,
  error: GatewayError | null,
  pages: Pages,
): Promise<void> {
  const account = await readAccount(ctx, pages)
  const secret = account.hasPassword ? 'currentPassword' : 'newPassword'
  const news: AccountNews = {
    done: (page) => (error ? null : readDone(ctx, page)),
    errors: (page) => error && localizeErrors(error, page, ctx.state.form ? { secret } : null),
  }
  pages.render(ctx, status, accountPage(account, news))
  // The opener of this page loses its window handle. The sign-in page has no such header: apps open it in a pop-up.
  ctx.set('Cross-Origin-Opener-Policy', 'same-origin')
}

// The limit keeps the page small: a user may have many sessions.
const shownSessions = 10

async function readAccount(ctx: Context, pages: Pages): Promise<Account> {
  const { users, sessionList, clock } = pages
  const { access, claims } = ctx.state
  if (!access || !claims) throw new GatewayError('invalid_token')
  const [profile, hash, sessions] = await Promise.all([
    users.findProfile(access.userId),
    users.findHash(access.userId),
    sessionList.readOverview(access.userId, access.sessionId, clock(), shownSessions),
  ])
  if (!profile) throw new GatewayError('invalid_token')
  return {
    access,
    roles: claims.allowedRoles,
    hasPassword: hash !== null,
    isFresh: isFresh(ctx, pages),
    isConfirmed: ctx.query.done === 'confirmed',
    linked: new Set(profile.identities.map(({ provider }) => provider)),
    sessions,
  }
}

const messages = ['password', 'ended', 'endedOthers', 'unlinked', 'confirmed'] as const

type Done = (typeof messages)[number]

function readDone({ query }: Context, { texts, site }: Parameters<AccountNews['done']>[0]): string | null {
  const { done, linked } = query
  const provider = site.providers.find(({ name }) => name === linked)
  if (provider) return texts.done.linked(provider.label)
  const message = messages.find((name) => name === done)
  return message ? texts.done[message] : null
}

/** The account of the signed-in user. */
type Account = {
  access: ActiveSession
  roles: readonly string[]
  hasPassword: boolean
  /** True after a recent authentication. */
  isFresh: boolean
  /** True when the user has just authenticated for a change. */
  isConfirmed: boolean
  /** The names of the linked providers. */
  linked: ReadonlySet<string>
  sessions: SessionOverview
}

/** The message of the last action, and its errors. */
type AccountNews = { done: (page: Page) => string | null; errors: (page: Page) => FormErrors | null }

/** Renders the account page: username, roles, ways to sign in and sessions. */
function accountPage(account: Account, { done, errors }: AccountNews): PageTemplate {
  return function showAccount(page): PageContent {
    const { texts } = page
    const found = errors(page)
    const message = done(page)
    return {
      title: texts.account,
      isError: found !== null,
      isWide: true,
      body: html`${notice(found)}${message && html`<p class="notice good" role="status">${message}</p>\n`}<div class="who">
<p class="name"><bdi>${account.access.username}</bdi></p>
<ul class="roles" aria-label="${texts.roles}">${account.roles.map((role) => html`<li>${role}</li>`)}</ul>
</div>
<section aria-labelledby="ways"><h2 id="ways">${texts.waysIn}</h2>
<ul class="rows">${providersOf(page, account).map((provider) => providerRow(page, provider, account))}
${passwordRow(page, account, found)}</ul></section>
<section aria-labelledby="sessions"><h2 id="sessions">${texts.sessions}</h2>
${sessionList(page, account.sessions, account.access.sessionId)}</section>
${form(page, '/account/signout', html`<button class="button">${texts.signOut}</button>`, 'end')}`,
    }
  }
}

/** Returns the configured providers, and linked providers that are no longer configured. */
function providersOf({ site }: Page, { linked }: Account): PageProvider[] {
  const known = new Set(site.providers.map(({ name }) => name))
  const gone = [...linked].filter((name) => !known.has(name))
  return [...site.providers, ...gone.map((name) => ({ name, label: name, icon: undefined }))]
}

function providerRow(page: Page, provider: PageProvider, { linked }: Account): Html {
  const { texts } = page
  const { name, label } = provider
  const isLinked = linked.has(name)
  const [action, word, whole] = isLinked
    ? (['unlink', texts.unlink, texts.unlinkProvider(label)] as const)
    : (['link', texts.link, texts.linkProvider(label)] as const)
  const button = html`<button class="button small" aria-label="${whole}">${word}</button>`
  return html`<li>${providerIcon(provider)}<span class="what">${label}${isLinked && html` <span class="hint">${texts.linked}</span>`}</span>
${form(page, `/account/identities/${name}/${action}`, button)}</li>`
}

/** Renders the row of the password. Its form is open after a field error, and after the confirmation of a first password. A first password needs a fresh authentication. */
function passwordRow(
  page: Page,
  { hasPassword, isFresh, isConfirmed, access }: Account,
  errors: FormErrors | null,
): Html {
  const { texts, site } = page
  const isOpen = (errors !== null && errors.fields.size > 0) || (isConfirmed && !hasPassword)
  const hint = texts.passwordHint(site.passwordMinLength)
  const [word, whole] = hasPassword ? [texts.change, texts.changePassword] : [texts.set, texts.setPassword]
  // Password managers need the username of a new password.
  const content = html`<input type="text" value="${access.username}" autocomplete="username" hidden readonly>
${hasPassword && field(page, { name: 'currentPassword', autocomplete: 'current-password' }, errors)}
${field(page, { name: 'newPassword', autocomplete: 'new-password', hint }, errors)}
<button class="button main">${whole}</button>`
  const action =
    hasPassword || isFresh
      ? html`<details${isOpen && html` open`}><summary class="button small" aria-label="${whole}">${word}</summary>
${form(page, '/account/password', content)}</details>`
      : html`<a class="button small" href="${site.base}/account/confirm" aria-label="${whole}">${word}</a>`
  return html`<li><svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="M6 11h12v9H6zM8 11V8a4 4 0 0 1 8 0v3M12 15v2"/></svg>
<span class="what">${texts.password} <span class="hint">${hasPassword ? texts.passwordIsSet : texts.passwordIsNotSet}</span></span>
${action}</li>`
}
