import { type Html, html } from '../http/html.ts'
import { credentialNames } from './descriptions.ts'
import type { Document } from './openapi.ts'
import { prose, words } from './page-fields.ts'
import { codesOf, operationSection, type Place } from './page-operation.ts'

/** The API reference as a page for people: everything that the document says, without a script. */
export function renderReference(document: Document, base: string): string {
  const { info, tags, servers } = document
  const places = placesOf(document)
  const chapters = tags
    .map((tag) => ({
      ...tag,
      id: idOf(tag.name),
      places: places.filter(({ operation }) => operation.tags.includes(tag.name)),
    }))
    .filter((chapter) => chapter.places.length > 0)
  const common = commonCodes(document, places)
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>API reference · ${info.title}</title>
<link rel="stylesheet" href="${base}/docs.css">
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header>
<h1>${info.title} <span>API reference</span></h1>
<p>${info.summary} For programs, the same as <a href="${base}/openapi.json">OpenAPI 3.1</a>.</p>
</header>
<nav aria-label="Contents">
<ol>
<li><a href="#start">Before you start</a></li>
${chapters.map(contents)}<li><a href="#errors">Errors</a></li>
</ol>
</nav>
<main id="content" tabindex="-1">
<section id="start" aria-labelledby="start-title">
<h2 id="start-title">Before you start</h2>
${prose(info.description)}<p>The address of this gateway is <code>${servers[0]?.url}</code>.</p>
<h3>Who is asking</h3>
<dl class="fields">
${Object.entries(document.components.securitySchemes).map(([name, { description = '' }]) => credential(name, description))}</dl>
</section>
${chapters.map(
  (chapter) => html`<section id="${chapter.id}" aria-labelledby="${chapter.id}-title">
<h2 id="${chapter.id}-title">${chapter.name}</h2>
${prose(chapter.description)}${chapter.places.map((place) => operationSection(document, place, common))}</section>
`,
)}${errors(document, common)}</main>
</body>
</html>
`.html
}

type Chapter = { id: string; name: string; places: readonly Place[] }

function contents({ id, name, places }: Chapter): Html {
  const links = places.map(
    ({ method, operation }) =>
      html`<li><a href="#${operation.operationId}"><span class="method ${method}">${method.toUpperCase()}</span> ${operation.summary}</a></li>\n`,
  )
  return html`<li><a href="#${id}">${name}</a>\n<ol>\n${links}</ol></li>\n`
}

function credential(name: string, description: string): Html {
  const title = credentialNames[name as keyof typeof credentialNames]
  return html`<div id="${name}"><dt>${title}</dt><dd>${words(description)}</dd></div>\n`
}

function errors(document: Document, common: ReadonlySet<string>): Html {
  const items = document['x-errors'].map(
    ({ code, status, description }) =>
      html`<div id="error-${code}"><dt><strong class="status">${status}</strong> <code>${code}</code>${
        common.has(code) && html` <span class="optional">every route</span>`
      }</dt><dd>${words(description)}</dd></div>\n`,
  )
  return html`<section id="errors" aria-labelledby="errors-title">
<h2 id="errors-title">Errors</h2>
<p>Every error has a <code>code</code> of this list. Those of <em>every route</em> are not listed again at each.</p>
<dl class="fields">
${items}</dl>
</section>
`
}

function placesOf({ paths }: Document): Place[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  )
}

/** The codes that are documented everywhere. */
function commonCodes(document: Document, places: readonly Place[]): Set<string> {
  const [first = [], ...others] = places.map(({ operation }) =>
    codesOf(document, operation).map(({ code }) => code),
  )
  return new Set(first.filter((code) => others.every((codes) => codes.includes(code))))
}

function idOf(name: string): string {
  return `chapter-${name.toLowerCase()}`
}
