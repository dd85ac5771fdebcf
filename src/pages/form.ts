import getRawBody from 'raw-body'
import type * as z from 'zod'
import type { Middleware } from '../context.ts'
import { GatewayError } from '../errors.ts'
import { checkBody, requireMediaType } from '../http/body.ts'

// Two passwords of 1024 Chinese characters have 18 KB in this encoding.
const limit = 32_768

/**
 * Reads the submitted form into `ctx.state.form`. Throws `unsupported_media_type`, `body_too_large`, and
 * `malformed_request`, also for a repeated field.
 */
export const readForm: Middleware = async function readForm(ctx, next) {
  requireMediaType(ctx, 'application/x-www-form-urlencoded')
  const options = { length: ctx.get('content-length') || null, limit, encoding: 'utf-8' }
  const body = await getRawBody(ctx.req, options).catch((cause: { type?: string }) => {
    if (cause.type !== 'entity.too.large') throw new GatewayError('malformed_request', { cause })
    ctx.set('Connection', 'close')
    throw new GatewayError('body_too_large', { cause })
  })
  const fields = new URLSearchParams(body)
  const names = [...fields.keys()]
  if (new Set(names).size < names.length) throw new GatewayError('malformed_request')
  ctx.state.form = Object.fromEntries(fields)
  await next()
}

/** Checks the fields of the form against the schema of the JSON body. Throws `validation_failed`. */
export function formBody(schema: z.ZodType): Middleware {
  return async function formBody(ctx, next) {
    const { csrf: _csrf, ...fields } = ctx.state.form ?? {}
    checkBody(ctx, schema, fields)
    await next()
  }
}
