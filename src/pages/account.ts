import type { Access, Clock, Context, Middleware } from '../context.ts'
import { GatewayError } from '../errors.ts'
import { type Html, html } from '../http/html.ts'
import type { PageSessions } from '../stores/page-sessions.ts'
import type { SessionSummary, Sessions } from '../stores/sessions.ts'
import type { Users } from '../stores/users.ts'
import { requireVisitor } from './browser-session.ts'
import { field, form, providerIcon, sessionList, summary } from './components.ts'
import { describeTrouble, readError, type Trouble } from './error-messages.ts'
import { type ShowAgain, seeOther } from './errors.ts'
import type { Page, PageProvider, Show, Shown, View } from './render.ts'

export type AccountDeps = {
  users: Pick<Users, 'findProfile' | 'findHash'>
  sessions: Pick<Sessions, 'list'>
  pageSessions: Pick<PageSessions, 'revokeOthers'>
  clock: Clock
  /** The absolute address of the account page. */
  url: string
}

/** The steps of the account page. They come after the claims proxy. */
export function createAccountSteps(show: Show, base: string, deps: AccountDeps) {
  const { users, sessions, pageSessions, clock } = deps

  async function readAccount(ctx: Context): Promise<Account> {
    const { access, claims } = ctx.state
    if (!access || !claims) throw new GatewayError('invalid_token')
    const [profile, hash, list] = await Promise.all([
      users.findProfile(access.userId),
      users.findHash(access.userId),
      sessions.list(access.userId, clock()),
    ])
    if (!profile) throw new GatewayError('invalid_token')
    return {
      access,
      roles: claims.allowedRoles,
      hasPassword: hash !== null,
      linked: new Set(profile.identities.map(({ provider }) => provider)),
      sessions: list,
    }
  }

  const showAccount = async (ctx: Context, status: number, error: GatewayError | null): Promise<void> => {
    const account = await readAccount(ctx)
    const secret = account.hasPassword ? 'currentPassword' : 'newPassword'
    const news: AccountNews = {
      done: (page) => (error ? null : readDone(ctx, page)),
      trouble: (page) => error && describeTrouble(error, page, ctx.state.form ? { secret } : null),
    }
    show(ctx, status, accountPage(account, news))
    // Whoever has opened it keeps no hold on it. An app may need that of the page to sign in: it can be in a pop-up.
    ctx.set('Cross-Origin-Opener-Policy', 'same-origin')
  }

  return {
    account: ((ctx) => showAccount(ctx, 200, readError(ctx))) satisfies Middleware as Middleware,
    showAccountAgain: ((ctx, error) => showAccount(ctx, error.status, error)) as ShowAgain,

    /** Comes back to the account page, with a word about what the steps to its right have done. */
    done: (what: Done): Middleware =>
      async function done(ctx, next) {
        await next()
        seeOther(ctx, `${base}/account?done=${what}`)
      },

    endOthers: async function endOthers(ctx) {
      const visitor = requireVisitor(ctx.state.visitor)
      for (const sessionId of await pageSessions.revokeOthers(visitor, clock())) {
        ctx.state.announce('session.revoked', { sessionId })
      }
    } satisfies Middleware as Middleware,

    /** Lets the provider sign-in that begins to the right end in a link with whoever is signed in here. */
    startLink: async function startLink(ctx, next) {
      const { userId, sessionId } = requireVisitor(ctx.state.visitor)
      ctx.state.start = {
        redirectTo: deps.url,
        codeChallenge: null,
        link: { userId, sessionId },
        page: false,
      }
      await next()
    } satisfies Middleware as Middleware,
  }
}

export type Done = 'password' | 'ended' | 'endedOthers' | 'unlinked'

function readDone({ query }: Context, { texts, site }: Parameters<AccountNews['done']>[0]): string | null {
  const { done, linked } = query
  const provider = site.providers.find(({ name }) => name === linked)
  if (provider) return texts.done.linked(provider.label)
  const isKnown = done === 'password' || done === 'ended' || done === 'endedOthers' || done === 'unlinked'
  return isKnown ? texts.done[done] : null
}

/** What is known about whoever is signed in. */
type Account = {
  access: Access
  roles: readonly string[]
  hasPassword: boolean
  /** The names of the providers that are linked. */
  linked: ReadonlySet<string>
  sessions: readonly SessionSummary[]
}

/** What has just been done on the page, and what went wrong. */
type AccountNews = { done: (page: Page) => string | null; trouble: (page: Page) => Trouble | null }

/** Who somebody is, how they can sign in, and where they are signed in. */
function accountPage(account: Account, { done, trouble }: AccountNews): View {
  return function showAccount(page): Shown {
    const { texts } = page
    const found = trouble(page)
    const message = done(page)
    return {
      title: texts.account,
      hasFailed: found !== null,
      isWide: true,
      body: html`${summary(found)}${message && html`<p class="notice good" role="status">${message}</p>\n`}<div class="who">
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

/** Those that are configured, and those that were when they were linked. */
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

/** The form is inside, closed until it is asked for or something is wrong in it. */
function passwordRow(page: Page, { hasPassword, access }: Account, trouble: Trouble | null): Html {
  const { texts, site } = page
  const isOpen = trouble !== null && trouble.fields.size > 0
  const hint = texts.passwordHint(site.passwordMinLength)
  // Password managers look for the name that a new password belongs to.
  const content = html`<input type="text" value="${access.username}" autocomplete="username" hidden readonly>
${hasPassword && field(page, { name: 'currentPassword', autocomplete: 'current-password' }, trouble)}
${field(page, { name: 'newPassword', autocomplete: 'new-password', hint }, trouble)}
<button class="button main">${hasPassword ? texts.changePassword : texts.setPassword}</button>`
  return html`<li><svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="M6 11h12v9H6zM8 11V8a4 4 0 0 1 8 0v3M12 15v2"/></svg>
<span class="what">${texts.password} <span class="hint">${hasPassword ? texts.passwordIsSet : texts.passwordIsNotSet}</span></span>
<details${isOpen && html` open`}><summary class="button small" aria-label="${hasPassword ? texts.changePassword : texts.setPassword}">${hasPassword ? texts.change : texts.set}</summary>
${form(page, '/account/password', content)}</details></li>`
}
