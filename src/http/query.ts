import type { z } from 'zod'
import { type Context, type Middleware, withContract } from '../context.ts'
import { GatewayError } from '../errors.ts'
import { validate } from './validate.ts'

/** Throws `query_too_long` before a step parses the query, because the time to parse it grows with its square. */
export function queryLimit({ characters = 2048 }: { characters?: number } = {}): Middleware {
  return withContract({ errors: ['query_too_long'] }, async function queryLimit(ctx, next) {
    if (ctx.querystring.length > characters)
      throw new GatewayError('query_too_long', { detail: `At most ${characters} characters` })
    await next()
  })
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
