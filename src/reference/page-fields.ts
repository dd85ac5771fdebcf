import { type Html, html, type Part } from '../http/html.ts'
import { type Document, resolve, type Schema } from './openapi.ts'

type Field = { name: string; schema: Schema; isRequired: boolean }

/** The members of an object as a list: name, type, limits, words. Those of objects inside follow with their full name. */
export function fieldList(document: Document, schema: Schema): Html | null {
  const fields = fieldsOf(document, schema)
  return fields.length === 0
    ? null
    : html`<dl class="fields">\n${fields.map((field) => fieldItem(document, field))}</dl>\n`
}

/** One name with its type, limits and words. */
export function fieldItem(document: Document, { name, schema, isRequired }: Field): Html {
  return html`<div><dt><code>${name}</code> <span class="type">${typeOf(document, schema)}${limits(schema)}</span>${
    !isRequired && html` <span class="optional">optional</span>`
  }</dt><dd>${words(schema.description ?? '')}</dd></div>\n`
}

function fieldsOf(document: Document, given: Schema, prefix = ''): Field[] {
  const schema = resolve<Schema>(document, given as { $ref: string })
  const { properties = {}, required = [], items, anyOf, allOf } = schema
  if (items) return fieldsOf(document, items, `${prefix}[]`)
  if (anyOf) return anyOf.flatMap((each) => fieldsOf(document, each, prefix))
  if (allOf?.[0]) return fieldsOf(document, allOf[0], prefix)
  return Object.entries(properties).flatMap(([member, inside]) => {
    const name = prefix === '' ? member : `${prefix}.${member}`
    return [
      { name, schema: inside, isRequired: required.includes(member) },
      ...fieldsOf(document, inside, name),
    ]
  })
}

const formats: Record<string, string> = {
  uuid: 'UUID',
  uri: 'URL',
  jwt: 'JWT',
  'date-time': 'time, RFC 3339',
  base64url: 'base64url',
}

/** What a value is, in words. */
export function typeOf(document: Document, schema: Schema): string {
  const { $ref, type, format, items, anyOf, enum: values } = schema
  if ($ref !== undefined) return resolve<Schema>(document, { $ref }).title ?? 'object'
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (values && values.length <= 5) return values.map((value) => JSON.stringify(value)).join(' or ')
  if (anyOf) return anyOf.map((each) => typeOf(document, each)).join(' or ')
  if (items) return `list of ${typeOf(document, items)}`
  const names = [type ?? 'anything'].flat().map((name) => (name === 'boolean' ? 'true or false' : name))
  return [...names.slice(0, 1), ...names.slice(1).map((name) => ` or ${name}`)]
    .join('')
    .replace('string', formats[format ?? ''] ?? 'string')
}

function limits({ minLength: least, maxLength: most, pattern }: Schema): Part {
  const length = least === undefined ? `at most ${most}` : `${least} to ${most}`
  return [
    most !== undefined && `, ${length} characters`,
    pattern !== undefined && html`, <code>${pattern}</code>`,
  ]
}

/** Words with what stands between backticks as code. */
export function words(text: string): readonly (Html | string)[] {
  return text.split('`').map((part, at) => (at % 2 === 1 ? html`<code>${part}</code>` : part))
}

/** Paragraphs of words; an empty line ends one. */
export function prose(text = ''): readonly Html[] {
  return text.split('\n\n').map((paragraph) => html`<p>${words(paragraph)}</p>\n`)
}
