import { type Html, html } from '../http/html.ts'
import { credentialNames } from './descriptions.ts'
import { type Document, type Parameter, type Response, resolve, type Schema } from './openapi.ts'
import { examplesOf, type Place } from './page-examples.ts'

/** Renders one operation: request, answers and errors. The codes in `common` are listed once for all operations. */
export function operationSection(document: Document, place: Place, common: ReadonlySet<string>): Html {
  const { method, path, operation } = place
  const { operationId, summary, description, requestBody, parameters = [] } = operation
  // The parameters of every route are described in the introduction.
  const own = parameters.filter((each): each is Parameter => !('$ref' in each))
  const given = own.map(({ name, in: at, required, schema, description: text = '' }) => ({
    name,
    isRequired: required,
    schema: { ...schema, description: `${text} (${at})` },
  }))
  const [type, body] = Object.entries(requestBody?.content ?? {})[0] ?? []
  const errors = codesOf(document, operation).filter(({ code }) => !common.has(code))
  const examples = Object.entries(examplesOf(document, place))
  return html`<section class="operation" id="${operationId}" aria-labelledby="${operationId}-title">
<h3 id="${operationId}-title"><a href="#${operationId}">${summary}</a></h3>
<p class="route"><span class="method ${method}">${method.toUpperCase()}</span> <code>${path}</code></p>
${prose(description)}${credentials(operation)}${given.length > 0 && html`<h4>Parameters</h4>\n${fieldList(document, given)}`}${
  body &&
  html`<h4>Body <span class="quiet">${type === 'application/json' ? 'JSON' : 'A form'}. ${requestBody?.description}</span></h4>\n${fieldList(document, fieldsOf(document, body.schema))}`
}${
  examples.length > 0 &&
  html`<h4>Try it</h4>
${examples.map(([name, text], at) => html`<details${at === 0 && html` open`}><summary>${name}</summary>\n<pre><code>${text}</code></pre></details>\n`)}`
}<h4>Answers</h4>
${answers(document, operation)}${
  errors.length > 0 &&
  html`<h4>Errors <span class="quiet">and <a href="#errors">the errors of every route</a></span></h4>
<ul class="codes">
${errors.map(({ status, code }) => html`<li>${status} <a href="#error-${code}"><code>${code}</code></a></li>\n`)}</ul>
`
}</section>
`
}

/** Lists the credentials of an operation: the ones in every alternative, then the optional ones. */
function credentials({ security }: Place['operation']): Html[] {
  const names = [...new Set(security.flatMap((needed) => Object.keys(needed)))]
  const isNeeded = (name: string) => security.every((needed) => name in needed)
  const list = (label: string, some: string[]) => {
    const links = some.map(
      (name) => html`<a href="#${name}">${credentialNames[name as keyof typeof credentialNames]}</a>`,
    )
    return some.length > 0 ? [html`<p class="quiet">${label}: ${links}</p>\n`] : []
  }
  return [
    ...list('Needs', names.filter(isNeeded)),
    ...list(
      'May have',
      names.filter((name) => !isNeeded(name)),
    ),
  ]
}

function answers(document: Document, { responses }: Place['operation']): Html[] {
  const good = Object.entries(responses).filter(([status]) => Number(status) < 400)
  return good.map(([status, given]) => {
    const { description, content = {}, headers = {} } = resolve<Response>(document, given)
    return html`<p><strong>${status}</strong> ${words(description)}${Object.entries(headers).map(
      ([name, header]) =>
        html` <span class="header quiet"><code>${name}</code>: ${words(header.description)}</span>`,
    )}</p>
${Object.entries(content).map(
  ([type, { schema, example }]) => html`<details><summary>${type}: ${typeOf(document, schema)}</summary>
${fieldList(document, fieldsOf(document, schema))}${example !== undefined && html`<pre><code>${JSON.stringify(example, null, 2)}</code></pre>`}</details>
`,
)}`
  })
}

/** Returns the error codes of an operation with their status. */
export function codesOf(document: Document, { responses }: Place['operation']) {
  return Object.entries(responses).flatMap(([status, given]) => {
    const contents = Object.values(resolve<Response>(document, given).content ?? {})
    const codes = new Set(contents.flatMap(({ examples = {} }) => Object.keys(examples)))
    return [...codes].map((code) => ({ status, code }))
  })
}

type Field = { name: string; schema: Schema; isRequired: boolean }

/** Renders fields as a list: name, type, limits, description. */
function fieldList(document: Document, fields: readonly Field[]): Html | false {
  const items = fields.map(({ name, schema, isRequired }) => {
    const type = `${typeOf(document, schema)}${limits(schema)}${isRequired ? '' : ', optional'}`
    return html`<div><dt><code>${name}</code> <span class="quiet">${type}</span></dt><dd>${words(schema.description ?? '')}</dd></div>\n`
  })
  return items.length > 0 && html`<dl class="fields">\n${items}</dl>\n`
}

/** Returns the members of an object, each followed by its nested members with their full names. */
function fieldsOf(document: Document, given: Schema, prefix = ''): Field[] {
  const { properties = {}, required = [], items, anyOf, allOf } = resolve(document, given)
  const parts = anyOf ?? allOf?.slice(0, 1)
  if (items) return fieldsOf(document, items, `${prefix}[]`)
  if (parts) return parts.flatMap((each) => fieldsOf(document, each, prefix))
  return Object.entries(properties).flatMap(([member, schema]) => {
    const name = prefix === '' ? member : `${prefix}.${member}`
    return [{ name, schema, isRequired: required.includes(member) }, ...fieldsOf(document, schema, name)]
  })
}

/** Returns the type of a value as text. */
function typeOf(document: Document, schema: Schema): string {
  const { $ref, type = 'anything', format, items, anyOf, enum: values } = schema
  if ($ref !== undefined) return resolve<Schema>(document, { $ref }).title ?? 'object'
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (values && values.length <= 5) return values.map((value) => JSON.stringify(value)).join(' or ')
  if (anyOf) return anyOf.map((each) => typeOf(document, each)).join(' or ')
  if (items) return `list of ${typeOf(document, items)}`
  const names = [type].flat().join(' or ')
  return names.replace('string', format ?? 'string')
}

function limits({ minLength: least = 0, maxLength: most, pattern }: Schema): string {
  const length = most === undefined ? '' : `, ${least > 0 ? `${least} to` : 'at most'} ${most} characters`
  return pattern === undefined ? length : `${length}, ${pattern}`
}

/** Renders a text, with the parts between backticks as code. */
export function words(text: string): readonly (Html | string)[] {
  return text.split('`').map((part, at) => (at % 2 === 1 ? html`<code>${part}</code>` : part))
}

/** Renders paragraphs, separated by empty lines. */
export function prose(text = ''): readonly Html[] {
  return text.split('\n\n').map((paragraph) => html`<p>${words(paragraph)}</p>\n`)
}
