import { html } from '../http/html.ts'
import { credentialNames } from './descriptions.ts'
import type { Document } from './openapi.ts'
import type { Place } from './page-examples.ts'
import { codesOf, operationSection, prose, words } from './page-operation.ts'

/** Renders the API reference as a page with the whole document, readable without a script. */
export function renderReference(document: Document, base: string): string {
  const { info, servers, tags, components } = document
  const places = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): Place => ({ method, path, operation })),
  )
  const placesOf = (tag: string) => places.filter(({ operation }) => operation.tags.includes(tag))
  const common = commonCodes(document, places)
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API reference · ${info.title}</title>
<link rel="stylesheet" href="${base}/docs.css">
<script src="${base}/docs.js" defer></script>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header>
<h1>${info.title} <span>API reference</span></h1>
<p>${info.summary} Also as <a href="${base}/openapi.json">OpenAPI 3.1</a>.</p>
</header>
<nav aria-label="Contents">
<p id="search" hidden><label>Search <input type="search"></label> <output class="quiet"></output></p>
<ul>
<li><a href="#start">Before you start</a></li>
${tags.map(
  ({ name }) => html`<li><a href="#chapter-${name}">${name}</a>
<ul>
${placesOf(name).map(
  ({ method, operation: { operationId, summary } }) =>
    html`<li><span class="method ${method}">${method.toUpperCase()}</span> <a href="#${operationId}">${summary}</a></li>\n`,
)}</ul></li>
`,
)}<li><a href="#errors">Errors</a></li>
</ul>
</nav>
<main id="content" tabindex="-1">
<h2 id="start">Before you start</h2>
${prose(info.description)}<p>The address of this gateway is <code>${servers[0]?.url}</code>.</p>
<dl class="fields">
${Object.entries(components.securitySchemes).map(
  ([name, { description = '' }]) =>
    html`<div id="${name}"><dt>${credentialNames[name as keyof typeof credentialNames]}</dt><dd>${words(description)}</dd></div>\n`,
)}</dl>
${tags.map(
  ({ name, description }) => html`<h2 id="chapter-${name}">${name}</h2>
${prose(description)}${placesOf(name).map((place) => operationSection(document, place, common))}`,
)}<h2 id="errors">Errors</h2>
<p>Every error has a <code>code</code> of this list. Errors of <em>every route</em> are listed here only.</p>
<dl class="fields">
${document['x-errors'].map(
  ({ code, status, description }) =>
    html`<div id="error-${code}"><dt>${status} <code>${code}</code>${
      common.has(code) && html` <span class="quiet">every route</span>`
    }</dt><dd>${words(description)}</dd></div>\n`,
)}</dl>
</main>
</body>
</html>
`.html
}

/** Returns the codes that every operation documents. */
function commonCodes(document: Document, places: readonly Place[]): Set<string> {
  const [first = [], ...others] = places.map(({ operation }) =>
    codesOf(document, operation).map(({ code }) => code),
  )
  return new Set(first.filter((code) => others.every((codes) => codes.includes(code))))
}
