import type { z } from 'zod'
import { type Context, type Middleware, withContract } from '../context.ts'
import { GatewayError } from '../errors.ts'
import { validate } from './validate.ts'

/** Refuses a long query before anything parses it: reading `ctx.query` takes time that grows with its square. */
export function queryLimit({ characters = 2048 }: { characters?: number } = {}): Middleware {
  return withContract({ errors: ['query_too_long'] }, async function queryLimit(ctx, next) {
    if (ctx.querystring.length > characters)
      throw new GatewayError('query_too_long', { detail: `At most ${characters} characters` })
    await next()
  })
}

/** Lets a step see no query, for what somebody else reads there. */
export function withoutQuery(step: Middleware): Middleware {
  return (ctx, next) => {
    const request = { value: Object.create(ctx.request, { query: { value: {} } }) }
    return step(Object.create(ctx, { request }) as Context, next)
  }
}

/** Checks the query against a schema. A parameter that comes twice is a list, and so never the text a schema wants. */
export function readQuery<T>(ctx: Context, schema: z.ZodType<T>): T {
  return validate(schema, { ...ctx.query })
}
