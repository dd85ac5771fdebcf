/** HTML that may be sent as it is. Only `html` makes it. */
export type Html = { readonly html: string }

/** What may stand in a template; everything but HTML is escaped, and what is missing is nothing. */
export type Part = Html | string | number | false | null | undefined | readonly Part[]

const escapes: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** A template whose values are escaped: safe as text and in attributes that are written with quotes. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return { html: strings.map((text, at) => text + write(parts[at])).join('') }
}

function write(part: Part): string {
  if (part === false || part === null || part === undefined) return ''
  if (typeof part === 'object') return 'html' in part ? part.html : part.map(write).join('')
  return String(part).replace(/[&<>"']/g, (sign) => escapes[sign] ?? sign)
}
