import type { Context } from '../context.ts'
import { GatewayError } from '../errors.ts'

/** Refuses a body that is not of this media type, in UTF-8 and not compressed (`unsupported_media_type`). */
export function requireMediaType(ctx: Context, type: string): void {
  const isReadable = ctx.is(type) && /^(utf-?8)?$/i.test(ctx.request.charset)
  if (!isReadable || !/^(identity)?$/i.test(ctx.get('content-encoding')))
    throw new GatewayError('unsupported_media_type')
}
