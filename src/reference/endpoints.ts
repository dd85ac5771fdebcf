import { createHash } from 'node:crypto'
import { z } from 'zod'
import { type Middleware, withContract } from '../context.ts'
import type { Document } from './openapi.ts'
import { referencePage } from './page.ts'
import { style } from './page-style.ts'

/** Answers with the API reference, made at the first request. */
export function createReference(read: () => Document): Middleware {
  return withContract(
    {
      answers: {
        200: {
          description: 'The document.',
          schema: z.looseObject({ openapi: z.literal('3.1.0') }),
          headers: { ETag: 'Changes when the document does.' },
        },
        304: { description: 'The document is still the one that `If-None-Match` names.' },
      },
    },
    createFixed('application/json', () => JSON.stringify(read())),
  )
}

// Neither script nor form, nor anything from elsewhere.
const policy =
  "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** Answers with the API reference as a page for people, and with its style. `base` is the path of the public URL. */
export function createReferencePage(
  read: () => Document,
  base: string,
): { page: Middleware; style: Middleware } {
  return {
    page: createFixed('text/html; charset=utf-8', () => referencePage(read(), base), {
      'Content-Security-Policy': policy,
    }),
    style: createFixed('text/css; charset=utf-8', () => style),
  }
}

/** Answers with what does not change, made at the first request. Clients may keep it and ask whether it has changed. */
function createFixed(type: string, make: () => string, headers: Record<string, string> = {}): Middleware {
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
  name: z.literal('claimgate').meta({ description: 'What this is.' }),
  links: z.record(z.string(), z.string()).meta({
    description:
      'The addresses of the routes, by the `operationId` that they have in `/openapi.json`; what is in braces is to be filled in.',
    examples: [{ login: 'https://auth.example.com/login' }],
  }),
})

/** Tells a program that comes to the front door where everything is, by the API reference that `read` answers. */
export function createApiIndex(publicUrl: string, read: () => Pick<Document, 'paths'>): Middleware {
  return withContract(
    { answers: { 200: { description: 'For programs: where what is.', schema: indexAnswer } } },
    async function apiIndex(ctx) {
      ctx.vary('Accept')
      ctx.body = { name: 'claimgate', links: linksOf(read(), publicUrl) }
    },
  )
}

function linksOf({ paths }: Pick<Document, 'paths'>, publicUrl: string): Record<string, string> {
  const links = Object.entries(paths).flatMap(([path, operations]) =>
    Object.values(operations).map(({ operationId }) => [operationId, publicUrl + path]),
  )
  // The page for people is no operation.
  return { ...Object.fromEntries(links), docs: `${publicUrl}/docs` }
}
