import type { Access } from '../context.ts'
import { type Html, html } from '../http/html.ts'
import type { SessionSummary } from '../stores/sessions.ts'
import { field, form, summary } from './fields.ts'
import { providerIcon } from './provider-links.ts'
import { sessionList } from './session-list.ts'
import type { Page, PageProvider, Shown, View } from './show.ts'
import type { Trouble } from './trouble.ts'

/** What is known about whoever is signed in. */
export type Account = {
  access: Access
  roles: readonly string[]
  hasPassword: boolean
  /** The names of the providers that are linked. */
  linked: ReadonlySet<string>
  sessions: readonly SessionSummary[]
}

/** What has just been done on the page, and what went wrong. */
export type AccountNews = { done: (page: Page) => string | null; trouble: (page: Page) => Trouble | null }

/** Who somebody is, how they can sign in, and where they are signed in. */
export function accountPage(account: Account, { done, trouble }: AccountNews): View {
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
