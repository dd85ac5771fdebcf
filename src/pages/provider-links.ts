import { type Html, html } from '../http/html.ts'
import type { Page, PageProvider } from './show.ts'

/** The icon of a provider: its own drawing, or the first letter of its name. */
export function providerIcon({ icon, label }: PageProvider): Html {
  return icon === undefined
    ? html`<span class="icon" aria-hidden="true">${[...label][0]?.toUpperCase()}</span>`
    : html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="${icon}"/></svg>`
}

/** One link for each provider, below a line that says "or". Links, because browsers hold the redirects of forms back. */
export function providerLinks({ site, texts }: Page, query: string): Html | null {
  if (site.providers.length === 0) return null
  const link = (provider: PageProvider) =>
    html`<li><a class="button" href="${site.base}/signin/${provider.name}${query}">${providerIcon(provider)}${texts.continueWith(provider.label)}</a></li>`
  return html`<p class="or">${texts.or}</p>
<ul class="providers">${site.providers.map(link)}</ul>`
}
