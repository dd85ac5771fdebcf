/** Escaped HTML. Only `html` creates it. */
export type Html = { readonly html: string }

/** A value in a template. Text is escaped; false, null and undefined are left out. */
export type Part = Html | string | number | false | null | undefined | readonly Part[]

const escapes: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Creates HTML from a template and escapes its values, for text and for attributes in quotes. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return { html: strings.map((text, at) => text + write(parts[at])).join('') }
}

function write(part: Part): string {
  if (part === false || part === null || part === undefined) return ''
  if (typeof part === 'object') return 'html' in part ? part.html : part.map(write).join('')
  return String(part).replace(/[&<>"']/g, (sign) => escapes[sign] ?? sign)
}
