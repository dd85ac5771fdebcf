import type { SessionSummary } from '../database/sessions.ts'
import { readDevice } from './device.ts'
import { form } from './fields.ts'
import { type Html, html } from './html.ts'
import type { Page } from './show.ts'

/** Where somebody is signed in: this browser first and marked, each other one with a button that ends it. */
export function sessionList(page: Page, sessions: readonly SessionSummary[], current: string): Html {
  const { texts } = page
  const sorted = [...sessions].sort((a, b) => Number(b.id === current) - Number(a.id === current))
  const all = html`<button class="button small">${texts.endOthers}</button>`
  return html`<ul class="rows">${sorted.map((session) => row(page, session, session.id === current))}</ul>
${sessions.length > 1 && form(page, '/account/sessions/end-others', all, 'others')}`
}

function row(page: Page, { id, userAgent, address, lastUsedAt }: SessionSummary, isCurrent: boolean): Html {
  const { texts, language, now } = page
  const { browser, system } = readDevice(userAgent)
  const device =
    browser && system ? texts.device(browser, system) : (browser ?? system ?? texts.unknownDevice)
  const button = html`<button class="button small" aria-label="${texts.endSessionOf(device)}">${texts.endSession}</button>`
  return html`<li><span class="what">${device}
<span class="hint">${isCurrent ? html`<strong>${texts.thisSession}</strong>` : texts.lastUsed(ago(lastUsedAt, now, language))}${address !== null && html` · <bdi>${address}</bdi>`}</span></span>
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
