import { type Html, html } from '../../http/html.ts'

/** Words with what stands between backticks as code. */
export function words(text: string): readonly (Html | string)[] {
  return text.split('`').map((part, at) => (at % 2 === 1 ? html`<code>${part}</code>` : part))
}

/** Paragraphs of words; an empty line ends one. */
export function prose(text = ''): readonly Html[] {
  return text.split('\n\n').map((paragraph) => html`<p>${words(paragraph)}</p>\n`)
}
