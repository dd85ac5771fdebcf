import type { Context, Middleware } from '../context.ts'
import type { GatewayError } from '../errors.ts'
import { toGatewayError } from '../http/error-handler.ts'

/** A failure in the form that Hasura hands on to its clients. */
export type Failure = { message: string; extensions: Record<string, unknown> & { code: string } }

/** What Hasura's client may know of a failure: what an error answer of a route says. */
export function failureOf(error: GatewayError, requestId: string): Failure {
  const { code, message, errors, headers } = error
  const retryAfter = headers['Retry-After']
  return {
    message,
    extensions: {
      code,
      ...(errors && { errors }),
      ...(retryAfter !== undefined && { retryAfter: Number(retryAfter) }),
      requestId,
    },
  }
}

/** Answers with a failure. Hasura hides what comes with a 5xx, so that becomes 400; the code stays. */
export function answerFailure(ctx: Context, error: GatewayError, shape: (failure: Failure) => unknown): void {
  ctx.status = error.status >= 500 ? 400 : error.status
  ctx.set({ 'Cache-Control': 'no-store', ...error.headers })
  ctx.body = shape(failureOf(error, ctx.state.requestId))
}

/** Turns whatever the later steps throw into a failure for Hasura. */
export function createFailures(shape: (failure: Failure) => unknown = (failure) => failure): Middleware {
  return async function failures(ctx, next) {
    try {
      await next()
    } catch (error) {
      answerFailure(ctx, toGatewayError(error, ctx), shape)
    }
  }
}
