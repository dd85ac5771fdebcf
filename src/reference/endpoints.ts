import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import * as z from 'zod'
import { type Middleware, withContract } from '../context.ts'
import { root } from '../root.ts'
import type { Document } from './openapi.ts'
import { renderReference } from './page.ts'
import { style } from './page-style.ts'

type ReadDocument = { readDocument: () => Document }

/** GET /openapi.json: answers with the API reference, which is created at the first request. */
export function reference({ readDocument }: ReadDocument): Middleware {
  return withContract(
    {
      answers: {
        200: {
          description: 'The document.',
          schema: z.looseObject({ openapi: z.literal('3.1.0') }),
          headers: { ETag: 'The version of the document.' },
        },
        304: { description: 'The document has the version in `If-None-Match`.' },
      },
    },
    sendFixed('application/json', () => JSON.stringify(readDocument())),
  )
}

// Only styles and scripts of this origin; no forms and no inline code.
const policy =
  "default-src 'none'; style-src 'self'; script-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const scriptFile = new URL('pages/docs.js', root)

type PublicUrl = { publicUrl: string }

/** GET /docs: answers with the API reference as a page. */
export function referencePage({ publicUrl, readDocument }: PublicUrl & ReadDocument): Middleware {
  const base = new URL(publicUrl).pathname.replace(/\/$/, '')
  const headers = { 'Content-Security-Policy': policy }
  return sendFixed('text/html; charset=utf-8', () => renderReference(readDocument(), base), headers)
}

/** GET /docs.css: answers with the style of the API reference. */
export function referenceStyle(): Middleware {
  return sendFixed('text/css; charset=utf-8', () => style)
}

/** GET /docs.js: answers with the script of the API reference. */
export function referenceScript(): Middleware {
  // Read at the start, so that it belongs to the page of this process.
  const script = readFileSync(scriptFile, 'utf8')
  return sendFixed('text/javascript; charset=utf-8', () => script)
}

/** Answers with a constant text, created at the first request. Clients may store it and revalidate it by its ETag. */
function sendFixed(type: string, make: () => string, headers: Record<string, string> = {}): Middleware {
  let made: { text: string; etag: string } | undefined
  return async function sendFixed(ctx) {
    made ??= withTag(make())
    ctx.status = 200
    ctx.set({ ...headers, 'Cache-Control': 'no-cache', ETag: made.etag })
    ctx.type = type
    if (ctx.fresh) ctx.status = 304
    else ctx.body = made.text
  }
}

function withTag(text: string): { text: string; etag: string } {
  return { text, etag: `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"` }
}

const indexAnswer = z.strictObject({
  name: z.literal('claimgate').meta({ description: 'The name of the service.' }),
  links: z.record(z.string(), z.string()).meta({
    description:
      'The addresses of the routes by their `operationId` in `/openapi.json`. Replace the parameters in braces.',
    examples: [{ login: 'https://auth.example.com/login' }],
  }),
})

/** GET / for programs: answers with the addresses of the routes in the API reference. `docs` adds the reference page. */
export function apiIndex({
  publicUrl,
  docs,
  readDocument,
}: PublicUrl & ReadDocument & { docs: boolean }): Middleware {
  return withContract(
    { answers: { 200: { description: 'The addresses of the routes, for programs.', schema: indexAnswer } } },
    async function apiIndex(ctx) {
      ctx.vary('Accept')
      ctx.body = { name: 'claimgate', links: linksOf(readDocument(), publicUrl, docs) }
    },
  )
}

function linksOf(
  { paths }: Pick<Document, 'paths'>,
  publicUrl: string,
  docs: boolean,
): Record<string, string> {
  const links = Object.entries(paths).flatMap(([path, operations]) =>
    Object.values(operations).map(({ operationId }) => [operationId, publicUrl + path]),
  )
  // The page is no operation of the document.
  return { ...Object.fromEntries(links), ...(docs && { docs: `${publicUrl}/docs` }) }
}
