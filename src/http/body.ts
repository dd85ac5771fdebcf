import getRawBody from 'raw-body'
import type * as z from 'zod'
import { type Context, type Middleware, withContract } from '../context.ts'
import { GatewayError } from '../errors.ts'
import { jsonErrors, parseJson } from './json.ts'
import { validate } from './validate.ts'

/**
 * Reads the JSON body, at most `limit` bytes, and checks it against the schema, for `withBody` and `bodyOf`. Throws
 * `unsupported_media_type`, `body_too_large`, `malformed_request` or `validation_failed`.
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

/**
 * Reads the fields of a form, at most `limit` bytes. Throws `unsupported_media_type`, `body_too_large`, and
 * `malformed_request`, also for a repeated field.
 */
export async function readFields(ctx: Context, limit: number): Promise<Record<string, string>> {
  requireMediaType(ctx, 'application/x-www-form-urlencoded')
  const fields = new URLSearchParams((await read(ctx, limit)).toString())
  const names = [...fields.keys()]
  if (new Set(names).size < names.length) throw new GatewayError('malformed_request')
  return Object.fromEntries(fields)
}

/** Checks the body of any media type against the schema of its route. Throws `validation_failed`. */
export function checkBody(ctx: Context, schema: z.ZodType, body: unknown): void {
  ctx.state.body = validate(schema, body)
  ctx.state.bodySchema = schema
}

/** Returns the checked body. Throws when no earlier step has checked it against this schema. */
export function bodyOf<Body>(ctx: Context, schema: z.ZodType<Body>): Body {
  const { body, bodySchema } = ctx.state
  if (bodySchema !== schema) throw new Error('no step has checked the body against this schema')
  return body as Body
}

/** Passes the checked body to a step, with the type of the schema. */
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
    // Otherwise the rest of the body would be parsed as the next request of the connection.
    ctx.set('Connection', 'close')
    throw new GatewayError('body_too_large', { detail: `At most ${limit} bytes`, cause })
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function parse(bytes: Buffer): unknown {
  try {
    return parseJson(utf8.decode(bytes))
  } catch (cause) {
    // The parser's own messages quote the body.
    const ours = Object.values(jsonErrors).find(
      (message) => cause instanceof SyntaxError && cause.message === message,
    )
    const detail = ours ?? 'The body is not JSON in UTF-8'
    throw new GatewayError('malformed_request', { detail, cause })
  }
}

/** Throws `unsupported_media_type` unless the body has this media type, is UTF-8 and is not compressed. */
export function requireMediaType(ctx: Context, type: string): void {
  const isReadable = ctx.is(type) && /^(utf-?8)?$/i.test(ctx.request.charset)
  if (!isReadable || !/^(identity)?$/i.test(ctx.get('content-encoding')))
    throw new GatewayError('unsupported_media_type')
}
