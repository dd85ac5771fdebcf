import { createHash } from 'node:crypto'
import { z } from 'zod'
import { type Middleware, withContract } from '../context.ts'
import type { Document } from './openapi.ts'
import { referencePage } from './page/reference-page.ts'
import { style } from './page/style.ts'

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
