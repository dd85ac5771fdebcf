import type { Context, Middleware } from '../context.ts'
import { GatewayError } from '../errors.ts'

/** Turns whatever the later steps throw, or leave unanswered, into `application/problem+json` (RFC 9457). */
export function createErrorHandler(): Middleware {
  return async function errorHandler(ctx, next) {
    try {
      await next()
      if (ctx.body === undefined) refuseUnanswered(ctx)
    } catch (error) {
      answer(ctx, toGatewayError(error, ctx))
    }
  }
}

/** The router answers 405 or 501 with an Allow header, which is empty where no route has that path at all. */
function refuseUnanswered(ctx: Context): void {
  const isOtherMethod = (ctx.status === 405 || ctx.status === 501) && ctx.response.get('Allow') !== ''
  if (isOtherMethod) throw new GatewayError('method_not_allowed')
  if (ctx.status >= 400) {
    ctx.remove('Allow')
    throw new GatewayError('not_found')
  }
}

/** What the caller may know of a failure. The rest is logged here, announced if it is an event, and goes no further. */
export function toGatewayError(error: unknown, { state }: Context): GatewayError {
  const { log, attempt } = state
  const known = error instanceof GatewayError ? error : new GatewayError('server_error', { cause: error })
  if (known.status >= 500) log.error({ code: known.code, err: known.cause ?? known }, known.message)
  else log.debug({ code: known.code, err: known.cause }, known.message)
  const event = known.event ?? attempt?.failed
  if (event) state.announce(event, { code: known.code, ...known.about })
  return known
}

function answer(ctx: Context, error: GatewayError): void {
  ctx.status = error.status
  ctx.set({ 'Cache-Control': 'no-store', ...error.headers })
  ctx.body = problemOf(error, ctx.state.requestId)
  ctx.type = 'application/problem+json'
}

/** The body of an error answer (RFC 9457). */
export function problemOf({ code, status, title, detail, errors }: GatewayError, requestId: string): string {
  const type = `urn:claimgate:error:${code}`
  return JSON.stringify({ type, title, status, code, detail, errors, requestId })
}
