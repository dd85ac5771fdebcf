import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Middleware } from '../context.ts'
import { withContract } from '../contract.ts'
import type { Document } from './openapi.ts'

/** Answers with the API reference, made at the first request. Clients may keep it and ask whether it has changed. */
export function createReference(read: () => Document): Middleware {
  let made: { text: string; etag: string } | undefined
  const contract = {
    answers: {
      200: {
        description: 'The document.',
        schema: z.looseObject({ openapi: z.literal('3.1.0') }),
        headers: { ETag: 'Changes when the document does.' },
      },
      304: { description: 'The document is still the one that `If-None-Match` names.' },
    },
  }
  return withContract(contract, async function reference(ctx) {
    made ??= print(read())
    ctx.status = 200
    ctx.set('Cache-Control', 'no-cache')
    ctx.set('ETag', made.etag)
    if (ctx.fresh) {
      ctx.status = 304
      return
    }
    ctx.type = 'application/json'
    ctx.body = made.text
  })
}

function print(document: Document): { text: string; etag: string } {
  const text = JSON.stringify(document)
  return { text, etag: `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"` }
}
