import type * as z from 'zod'
import type { Middleware } from '../context.ts'
import { checkBody, readFields } from '../http/body.ts'

// Two passwords of 1024 Chinese characters have 18 KB in this encoding.
const limit = 32_768

/**
 * Reads the submitted form into `ctx.state.form`. Throws `unsupported_media_type`, `body_too_large`, and
 * `malformed_request`, also for a repeated field.
 */
export const readForm: Middleware = async function readForm(ctx, next) {
  ctx.state.form = await readFields(ctx, limit)
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
