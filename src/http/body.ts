import getRawBody from 'raw-body'
import type { z } from 'zod'
import { type Context, type Middleware, withContract } from '../context.ts'
import { GatewayError } from '../errors.ts'
import { jsonErrors, parseJson } from './json.ts'
import { validate } from './validate.ts'

/**
 * Reads the JSON body, at most `limit` bytes of it, and checks it against the schema, for `withBody` and `bodyOf`.
 * Throws `unsupported_media_type`, `body_too_large`, `malformed_request` or `validation_failed`.
 */
export function jsonBody(schema: z.ZodType, { limit = 16_384 }: { limit?: number } = {}): Middleware {
  return withContract(
    {
      body: { schema, limit },
      errors: ['unsupported_media_type', 'body_too_large', 'malformed_request', 'validation_failed'],
    },
    async function jsonBody(ctx, next) {
      requireMediaType(ctx, 'application/json')
      checkBody(ctx, schema, parse(await read(ctx, limit)))
      await next()
    },
  )
}

/** Checks a body, however it was sent, against the schema of its route. Throws `validation_failed`. */
export function checkBody(ctx: Context, schema: z.ZodType, body: unknown): void {
  ctx.state.body = validate(schema, body)
  ctx.state.bodySchema = schema
}

/** Returns the body as the schema has checked it. Throws when it was checked against another schema or none. */
export function bodyOf<Body>(ctx: Context, schema: z.ZodType<Body>): Body {
  const { body, bodySchema } = ctx.state
  if (bodySchema !== schema) throw new Error('no step has checked the body against this schema')
  return body as Body
}

/** Hands the body to a step, with the type that the schema gives it. The schema has checked it in an earlier step. */
export function withBody<Body>(
  schema: z.ZodType<Body>,
  step: (ctx: Context, body: Body, next: () => Promise<unknown>) => Promise<void>,
): Middleware {
  return (ctx, next) => step(ctx, bodyOf(ctx, schema), next)
}

async function read(ctx: Context, limit: number): Promise<Buffer> {
  try {
    return await getRawBody(ctx.req, { length: ctx.get('content-length') || null, limit })
  } catch (cause) {
    const tooLarge = (cause as { type?: string }).type === 'entity.too.large'
    if (!tooLarge) throw new GatewayError('malformed_request', { detail: 'The body ended early', cause })
    // What is still on its way would otherwise be read as the next request of this connection.
    ctx.set('Connection', 'close')
    throw new GatewayError('body_too_large', { detail: `At most ${limit} bytes`, cause })
  }
}

function parse(bytes: Buffer): unknown {
  try {
    return parseJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    // The parser's own messages quote the body.
    const ours = Object.values(jsonErrors).find(
      (message) => cause instanceof SyntaxError && cause.message === message,
    )
    const detail = ours ?? 'The body is not JSON in UTF-8'
    throw new GatewayError('malformed_request', { detail, cause })
  }
}

/** Refuses a body that is not of this media type, in UTF-8 and not compressed (`unsupported_media_type`). */
export function requireMediaType(ctx: Context, type: string): void {
  const isReadable = ctx.is(type) && /^(utf-?8)?$/i.test(ctx.request.charset)
  if (!isReadable || !/^(identity)?$/i.test(ctx.get('content-encoding')))
    throw new GatewayError('unsupported_media_type')
}
