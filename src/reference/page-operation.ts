import { type Html, html } from '../http/html.ts'
import { credentialNames } from './descriptions.ts'
import {
  type Document,
  type Operation,
  type Parameter,
  type Response,
  resolve,
  type Schema,
} from './openapi.ts'
import { fieldItem, fieldList, prose, typeOf, words } from './page-fields.ts'

/** Where an operation stands. */
export type Place = { method: string; path: string; operation: Operation }

/** One operation: how to ask, and what may come back. Codes that `common` has are said once for all. */
export function operationSection(document: Document, place: Place, common: ReadonlySet<string>): Html {
  const { method, path, operation } = place
  const { operationId, summary, description, security, requestBody } = operation
  const curl = curlOf(document, method, path, operation)
  const body = requestBody?.content['application/json']?.schema
  return html`<section class="operation" id="${operationId}" aria-labelledby="${operationId}-title">
<h3 id="${operationId}-title"><a href="#${operationId}">${summary}</a></h3>
<p class="route"><span class="method ${method}">${method.toUpperCase()}</span> <code>${breakable(path)}</code></p>
${prose(description)}${credentials(security)}${parameterList(document, operation)}${
  body &&
  html`<h4>Body <span class="note">JSON, ${requestBody.description?.toLowerCase().replace(/\.$/, '').replace('kb', 'KB').replace('mb', 'MB')}</span></h4>
${fieldList(document, body)}`
}${curl !== null && html`<h4>Try it</h4>\n<pre><code>${curl}</code></pre>\n`}<h4>Answers</h4>
${answers(document, operation)}${errorList(document, operation, common)}</section>
`
}

/** A path that may go on in the next line after a slash. */
function breakable(path: string): readonly Html[] {
  return path
    .split('/')
    .slice(1)
    .map((part) => html`/<wbr>${part}`)
}

function credentials(security: Operation['security']): Html | false {
  const names = security.flatMap((needed) => Object.keys(needed))
  if (names.length === 0) return false
  const isOptional = security.some((needed) => Object.keys(needed).length === 0)
  const links = names.map(
    (name) => html`<a href="#${name}">${credentialNames[name as keyof typeof credentialNames]}</a>`,
  )
  return html`<p class="needs">${isOptional ? 'May have: ' : 'Needs: '}${links}</p>\n`
}

function parameterList(document: Document, { parameters = [] }: Operation): Html | false {
  // Those that every route takes are said at the beginning.
  const own = parameters.filter((each): each is Parameter => !('$ref' in each))
  if (own.length === 0) return false
  const items = own.map(({ name, in: place, required, schema, description = '' }) =>
    fieldItem(document, {
      name,
      isRequired: required,
      schema: { ...schema, description: `${description} (${place})` },
    }),
  )
  return html`<h4>Parameters</h4>\n<dl class="fields">\n${items}</dl>\n`
}

function answers(document: Document, { responses }: Operation): Html[] {
  return Object.entries(responses)
    .filter(([status]) => Number(status) < 400)
    .map(([status, given]) => {
      const { description, content = {}, headers = {} } = resolve<Response>(document, given)
      const [[type, { schema, example }] = ['', { schema: {} as Schema, example: undefined }]] =
        Object.entries(content)
      const fields = fieldList(document, schema)
      return html`<div class="answer"><p><strong class="status">${status}</strong> ${words(description)}${Object.entries(
        headers,
      ).map(
        ([name, header]) =>
          html` <span class="header"><code>${name}</code>: ${words(header.description)}</span>`,
      )}</p>
${
  type !== '' &&
  html`<details><summary>${type}: ${typeOf(document, schema)}</summary>
${fields}${example !== undefined && html`<pre><code>${JSON.stringify(example, null, 2)}</code></pre>\n`}</details>
`
}</div>
`
    })
}

function errorList(document: Document, operation: Operation, common: ReadonlySet<string>): Html | false {
  const own = codesOf(document, operation).filter(({ code }) => !common.has(code))
  if (own.length === 0) return false
  const items = own.map(
    ({ status, code }) =>
      html`<li><strong class="status">${status}</strong> <a href="#error-${code}"><code>${code}</code></a></li>\n`,
  )
  return html`<h4>Errors <span class="note">and <a href="#errors">those of every route</a></span></h4>\n<ul class="codes">\n${items}</ul>\n`
}

/** The codes with which an operation may fail, each with its status there. */
export function codesOf(document: Document, { responses }: Operation): { status: string; code: string }[] {
  return Object.entries(responses).flatMap(([status, given]) => {
    const contents = Object.values(resolve<Response>(document, given).content ?? {})
    const codes = new Set(contents.flatMap(({ examples = {} }) => Object.keys(examples)))
    return [...codes].map((code) => ({ status, code }))
  })
}

const secrets: Record<string, string> = {
  accessToken: '-H "Authorization: Bearer $TOKEN"',
  actionSecret: '-H "X-Action-Secret: $AUTH_ACTION_SECRET"',
}

/**
 * What to type into a shell to try an operation, made of its examples; null where only a browser in the middle of a
 * sign-in can ask.
 */
function curlOf(document: Document, method: string, path: string, operation: Operation): string | null {
  const parameters = (operation.parameters ?? []).map((each) => resolve<Parameter>(document, each))
  if (parameters.some((parameter) => parameter.in === 'cookie')) return null
  const example = operation.requestBody?.content['application/json']?.example
  const redirects = '302' in operation.responses
  const parts = [
    'curl',
    ...(method !== 'get' && example === undefined ? [`-X ${method.toUpperCase()}`] : []),
    ...(redirects || '204' in operation.responses ? ['-i'] : []),
    ...operation.security.flatMap((needed) => Object.keys(needed).flatMap((name) => secrets[name] ?? [])),
    quote(`${document.servers[0]?.url}${fill(path, parameters)}`),
  ]
  if (example === undefined) return parts.join(' ')
  return `${parts.join(' ')} \\\n  -H 'Content-Type: application/json' \\\n  -d ${quote(JSON.stringify(example))}`
}

function fill(path: string, parameters: readonly Parameter[]): string {
  const exampleOf = ({ example, schema }: Parameter) => String(example ?? schema.const ?? '')
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(
      parameters
        .filter((each) => each.name === name)
        .map(exampleOf)
        .join(),
    ),
  )
  const asked = parameters.filter((each) => each.in === 'query' && exampleOf(each) !== '')
  const query = asked.map((each) => `${each.name}=${encodeURIComponent(exampleOf(each))}`).join('&')
  return query === '' ? filled : `${filled}?${query}`
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
