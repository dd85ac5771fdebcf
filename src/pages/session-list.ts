import { type Html, html } from '../http/html.ts'
import type { SessionSummary } from '../stores/sessions.ts'
import { readDevice } from './device.ts'
import { form } from './fields.ts'
import type { Page } from './show.ts'

// Of those that nobody has used for long there may be any number, and a page stays small.
const most = 10

/**
 * Where somebody is signed in: this browser first and marked, then those that were used last, each with a button that
 * ends it. How many there are besides is said; the button for all others ends them too.
 */
export function sessionList(page: Page, sessions: readonly SessionSummary[], current: string): Html {
  const { texts } = page
  const sorted = [...sessions].sort((a, b) => Number(b.id === current) - Number(a.id === current))
  const shown = sorted.slice(0, most)
  const rest = sorted.length - shown.length
  const all = html`<button class="button small">${texts.endOthers}</button>`
  return html`<ul class="rows">${shown.map((session, at) => row(page, session, session.id === current, `session-${at}`))}</ul>
${rest > 0 && html`<p class="hint">${texts.moreSessions(rest)}</p>\n`}${sessions.length > 1 && form(page, '/account/sessions/end-others', all, 'others')}`
}

/** Several sessions of one kind of browser are told apart by what `hintId` names: when, and from where. */
function row(
  page: Page,
  { id, userAgent, address, lastUsedAt }: SessionSummary,
  isCurrent: boolean,
  hintId: string,
): Html {
  const { texts, language, now } = page
  const { browser, system } = readDevice(userAgent)
  const device =
    browser && system ? texts.device(browser, system) : (browser ?? system ?? texts.unknownDevice)
  const button = html`<button class="button small" aria-label="${texts.endSessionOf(device)}" aria-describedby="${hintId}">${texts.endSession}</button>`
  return html`<li><span class="what">${device}
<span class="hint" id="${hintId}">${isCurrent ? html`<strong>${texts.thisSession}</strong>` : texts.lastUsed(ago(lastUsedAt, now, language))}${address !== null && html` · <bdi>${address}</bdi>`}</span></span>
${!isCurrent && form(page, `/account/sessions/${id}/end`, button)}</li>`
}

const units = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const

/** How long ago something was, in words: no time zone is needed for that. */
function ago(then: Date, now: Date, language: string): string {
  const seconds = Math.max(0, (now.getTime() - then.getTime()) / 1000)
  const [unit, size] = units.find(([, size]) => seconds >= size) ?? (['second', 1] as const)
  return new Intl.RelativeTimeFormat(language, { numeric: 'auto' }).format(-Math.floor(seconds / size), unit)
}
