import { type Html, html } from '../http/html.ts'
import type { SessionOverview, SessionSummary } from '../stores/session-list.ts'
import type { FormErrors } from './error-messages.ts'
import type { Page } from './render.ts'
import type { PageProvider } from './site.ts'
import type { FieldName } from './texts.ts'

/** A field of a form, shown with its label, hint and error. */
export type Field = {
  name: FieldName
  /** For password managers, and browsers that keep passkeys (HTML, section "Autofill"). */
  autocomplete: 'username' | 'username webauthn' | 'current-password' | 'new-password'
  /** The previous input; never a password. */
  value?: string | undefined
  hint?: string
  /** Default: the text of the field's name. */
  label?: string | undefined
  /** True for the field that has the focus on a page without an error. */
  isFirst?: boolean
  /** True for the field that has the focus after an error that no field has. The notice describes it. */
  isNext?: boolean
}

/** Renders a form with its CSRF token, for a path of the gateway. */
export function form(page: Page, action: string, content: Html, className = ''): Html {
  return html`<form method="post" action="${page.site.base}${action}"${className && html` class="${className}"`}>
<input type="hidden" name="csrf" value="${page.token()}">
${content}
</form>`
}

/** Renders a label and an input, with the error or the hint below. */
export function field(
  { texts }: Page,
  { name, autocomplete, value, hint, label = texts.fields[name], isFirst = false, isNext = false }: Field,
  errors: FormErrors | null,
): Html {
  const message = errors?.fields.get(name)
  // The error replaces the hint, which often says the same.
  const shownHint = message === undefined ? hint : undefined
  const isSecret = autocomplete.endsWith('password')
  const described = [message && `${name}-fault`, isNext && 'error', shownHint && `${name}-hint`]
    .filter(Boolean)
    .join(' ')
  const [firstFaulty] = errors?.fields.keys() ?? []
  const isFocused = isNext || (errors === null ? isFirst : name === firstFaulty)
  const input = html`<input id="${name}" name="${name}" type="${isSecret ? 'password' : 'text'}" autocomplete="${autocomplete}" required${
    !isSecret && html` autocapitalize="none" spellcheck="false" dir="auto"`
  }${value !== undefined && html` value="${value}"`}${message && html` aria-invalid="true"`}${
    described && html` aria-describedby="${described}"`
  }${isFocused && html` autofocus`}>`
  return html`<div class="field">
<label for="${name}">${label}</label>
${isSecret ? html`<div class="secret" data-show="${texts.showPassword}" data-hide="${texts.hidePassword}" data-caps="${texts.capsLock}">${input}</div>` : input}
${message && html`<p class="fault" id="${name}-fault">${message}</p>\n`}${shownHint && html`<p class="hint" id="${name}-hint">${shownHint}</p>\n`}</div>`
}

/** Renders the error that no field has. It has the focus, unless a field has it that the notice describes. */
export function notice(errors: FormErrors | null, { isFocused = true } = {}): Html | null {
  if (errors === null || errors.text === null) return null
  return html`<p class="notice bad" id="error" role="alert"${isFocused && html` tabindex="-1" autofocus`}>${errors.text}</p>\n`
}

/** Renders the icon of a provider: its drawing, or the first letter of its label. */
export function providerIcon({ icon, label }: PageProvider): Html {
  if (icon === undefined)
    return html`<span class="icon" aria-hidden="true">${[...label][0]?.toUpperCase()}</span>`
  const shapes =
    typeof icon === 'string'
      ? html`<path d="${icon}"/>`
      : icon.map(
          ({ path, fill }) => html`<path fill="${fill}" fill-rule="evenodd" stroke="none" d="${path}"/>`,
        )
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">${shapes}</svg>`
}

type ProviderLinksOptions = {
  /** The path of the links, to which each adds the name of its provider. */
  path: string
  query?: string
  /** Default: all providers. */
  providers?: readonly PageProvider[]
  /** True when no form stands before the links. */
  isAlone?: boolean
}

/** Renders a link for each provider. Links, because the Content-Security-Policy restricts the redirects of forms. */
export function providerLinks(
  { site, texts }: Page,
  { path, query = '', providers = site.providers, isAlone = false }: ProviderLinksOptions,
): Html | null {
  if (providers.length === 0) return null
  const link = (provider: PageProvider) =>
    html`<li><a class="button" href="${site.base}${path}/${provider.name}${query}">${providerIcon(provider)}${texts.continueWith(provider.label)}</a></li>`
  return html`${!isAlone && html`<p class="or">${texts.or}</p>\n`}<ul class="providers">${providers.map(link)}</ul>`
}

/**
 * Renders the sessions of the user: this browser first and marked, then the last used, each with a button that ends it. A
 * hint has the number of hidden sessions. The button for all other sessions ends the hidden sessions too.
 */
export function sessionList(page: Page, { sessions, total }: SessionOverview, current: string): Html {
  const { texts } = page
  const rest = total - sessions.length
  const all = html`<button class="button small">${texts.endOthers}</button>`
  return html`<ul class="rows">${sessions.map((session, at) => row(page, session, session.id === current, `session-${at}`))}</ul>
${rest > 0 && html`<p class="hint">${texts.moreSessions(rest)}</p>\n`}${total > 1 && form(page, '/account/sessions/end-others', all, 'others')}`
}

/** Renders a session. The hint `hintId`, with time and address, tells sessions of the same browser apart. */
function row(
  page: Page,
  { id, userAgent, address, provider, app, createdAt, lastUsedAt }: SessionSummary,
  isCurrent: boolean,
  hintId: string,
): Html {
  const { site, texts, language, now } = page
  const place = app === null ? null : app === new URL(site.url).origin ? texts.thesePages : site.appOf(app)
  const { browser, system } = readDevice(userAgent)
  const device =
    browser && system ? texts.device(browser, system) : (browser ?? system ?? texts.unknownDevice)
  const button = html`<button class="button small" aria-label="${texts.endSessionOf(device)}" aria-describedby="${hintId}">${texts.endSession}</button>`
  return html`<li><span class="what">${device}
<span id="${hintId}"><span class="hint">${isCurrent ? html`<strong>${texts.thisSession}</strong>` : texts.lastUsed(ago(lastUsedAt, now, language))}${place !== null && html` · <bdi>${place}</bdi>`}${address !== null && html` · <bdi>${address}</bdi>`}</span>
<span class="hint">${wayOf(page, provider)} · <time datetime="${createdAt.toISOString()}">${formatDate(createdAt, language)}</time></span></span></span>
${!isCurrent && form(page, `/account/sessions/${id}/end`, button)}</li>`
}

/** Returns how the user signed in. A provider that is no longer configured has its name. */
function wayOf({ site, texts }: Page, provider: string | null): string {
  if (provider === null) return texts.signedIn
  if (provider === site.passwordProvider) return texts.signedInByPassword
  return texts.signedInWith(site.providers.find(({ name }) => name === provider)?.label ?? provider)
}

/** Formats a day. The script of the pages replaces it by the day in the time zone of the browser. */
function formatDate(date: Date, language: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeZone: 'UTC' }).format(date)
}

const units = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const

/** Formats the time since `then`, which needs no time zone. */
function ago(then: Date, now: Date, language: string): string {
  const seconds = Math.max(0, (now.getTime() - then.getTime()) / 1000)
  const [unit, size] = units.find(([, size]) => seconds >= size) ?? (['second', 1] as const)
  return new Intl.RelativeTimeFormat(language, { numeric: 'auto' }).format(-Math.floor(seconds / size), unit)
}

// The first match counts: the user agent of a browser also has the names of its ancestors.
const browsers: readonly (readonly [RegExp, string])[] = [
  [/\bEdg(e|A|iOS)?\//, 'Edge'],
  [/\b(OPR|Opera)\//, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\b(Firefox|FxiOS)\//, 'Firefox'],
  [/\b(Chrome|Chromium|HeadlessChrome|CriOS)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
  [/^curl\//, 'curl'],
]

const systems: readonly (readonly [RegExp, string])[] = [
  [/\b(iPhone|iPad|iPod)\b/, 'iOS'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bMac OS X\b|\bMacintosh\b/, 'macOS'],
  [/\bLinux\b/, 'Linux'],
]

/** Reads browser and system from a user agent; an unknown part is null. */
export function readDevice(userAgent: string | null): { browser: string | null; system: string | null } {
  const find = (list: typeof browsers) => list.find(([pattern]) => pattern.test(userAgent ?? ''))?.[1] ?? null
  return { browser: find(browsers), system: find(systems) }
}
