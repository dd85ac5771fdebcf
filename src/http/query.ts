import type * as z from 'zod'
import { type Context, type Middleware, withContract } from '../context.ts'
import { GatewayError } from '../errors.ts'
import { usualHeaderSize } from './header-size.ts'
import { validate } from './validate.ts'

/**
 * Throws `query_too_long` before a step parses the query, because the time to parse it grows with its square, and
 * `headers_too_large`. The routes in `except` limit their query themselves, and get headers up to the limit of the
 * server.
 */
export function lengthLimit({ except = new Set() }: { except?: ReadonlySet<string> } = {}): Middleware {
  return withContract(
    { errors: ['query_too_long', 'headers_too_large'] },
    async function lengthLimit(ctx, next) {
      if (!except.has(ctx.path)) {
        requireShortQuery(ctx, 2048)
        requireShortHeaders(ctx, usualHeaderSize)
      }
      await next()
    },
  )
}

function requireShortHeaders({ req }: Context, characters: number): void {
  const length = req.rawHeaders.reduce((sum, text) => sum + text.length + 2, req.url?.length ?? 0)
  if (length > characters) throw new GatewayError('headers_too_large', { headers: { Connection: 'close' } })
}

/** Throws `query_too_long` for a query with more characters. */
export function requireShortQuery(ctx: Context, characters: number): void {
  if (ctx.querystring.length > characters)
    throw new GatewayError('query_too_long', { detail: `At most ${characters} characters` })
}

/** Hides the query from a step, because a strategy of Passport would read it. */
export function withoutQuery(step: Middleware): Middleware {
  return (ctx, next) => {
    const request = { value: Object.create(ctx.request, { query: { value: {} } }) }
    return step(Object.create(ctx, { request }) as Context, next)
  }
}

/** Checks the query against a schema. A repeated parameter is a list, so a schema for text rejects it. */
export function readQuery<T>(ctx: Context, schema: z.ZodType<T>): T {
  return validate(schema, { ...ctx.query })
}
