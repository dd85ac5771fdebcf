import { z } from 'zod'
import type { Document } from '../api/openapi.ts'
import { type Middleware, withContract } from '../context.ts'

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
