import { type Html, html } from '../http/html.ts'
import type { Page } from './show.ts'
import type { FieldName } from './texts.ts'
import type { Trouble } from './trouble.ts'

/** One field of a form, as its label and what is wrong with it are shown. */
export type Field = {
  name: FieldName
  /** For password managers, and browsers that keep passkeys (HTML, section "Autofill"). */
  autocomplete: 'username' | 'username webauthn' | 'current-password' | 'new-password'
  /** What was typed before; never a password. */
  value?: string | undefined
  hint?: string
  isFirst?: boolean
}

/** A form that is sent to a path of ours, with its token. */
export function form(page: Page, action: string, content: Html, className = ''): Html {
  return html`<form method="post" action="${page.site.base}${action}"${className && html` class="${className}"`}>
<input type="hidden" name="csrf" value="${page.token()}">
${content}
</form>`
}

/** A label, an input, and below it what is wrong with it or how it should be. */
export function field(
  { texts }: Page,
  { name, autocomplete, value, hint, isFirst }: Field,
  trouble: Trouble | null,
): Html {
  const fault = trouble?.fields.get(name)
  const isSecret = autocomplete.endsWith('password')
  const described = [fault && `${name}-fault`, hint && `${name}-hint`].filter(Boolean).join(' ')
  // Where something is wrong, the summary has the focus.
  const isFocused = isFirst === true && trouble === null
  const input = html`<input id="${name}" name="${name}" type="${isSecret ? 'password' : 'text'}" autocomplete="${autocomplete}" required${
    !isSecret && html` autocapitalize="none" spellcheck="false" dir="auto"`
  }${value !== undefined && html` value="${value}"`}${fault && html` aria-invalid="true"`}${
    described && html` aria-describedby="${described}"`
  }${isFocused && html` autofocus`}>`
  return html`<div class="field">
<label for="${name}">${texts.fields[name]}</label>
${isSecret ? html`<div class="secret" data-show="${texts.showPassword}" data-hide="${texts.hidePassword}" data-caps="${texts.capsLock}">${input}</div>` : input}
${fault && html`<p class="fault" id="${name}-fault">${fault}</p>\n`}${hint && html`<p class="hint" id="${name}-hint">${hint}</p>\n`}</div>`
}

/** The summary of what is wrong, which has the focus: fields are links to where they are. */
export function summary(trouble: Trouble | null): Html | null {
  if (trouble === null) return null
  const fields = [...trouble.fields]
  const text = trouble.text === null ? null : html`<p>${trouble.text}</p>`
  const list =
    fields.length > 0 &&
    html`<ul>${fields.map(([name, fault]) => html`<li><a href="#${name}">${fault}</a></li>`)}</ul>`
  return html`<div class="notice bad" role="alert" tabindex="-1" autofocus>${text}${list}</div>`
}
