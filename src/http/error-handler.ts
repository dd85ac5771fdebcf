import { z } from 'zod'
import { type Context, type ErrorFormat, type Middleware, withContract } from '../context.ts'
import { type ErrorCode, errorTable, GatewayError } from '../errors.ts'

/** What is wrong with one field. */
const fieldError = z
  .strictObject({
    field: z
      .string()
      .meta({ description: 'Its name, with dots where it is inside another.', examples: ['password'] }),
    detail: z
      .string()
      .meta({ description: 'What is wrong with it.', examples: ['has fewer than 4 characters'] }),
  })
  .meta({ title: 'FieldError' })

const codes = Object.keys(errorTable) as ErrorCode[]

/** Error answers (RFC 9457). */
const problems: ErrorFormat = {
  name: 'Problem',
  type: 'application/problem+json',
  schema: z
    .strictObject({
      type: z.enum(codes.map(typeOf)).meta({ description: 'The code as a URN.' }),
      title: z.string().meta({ description: 'The code in words.' }),
      status: z.int().meta({ description: 'The status of the answer.' }),
      code: z.enum(codes).meta({ description: 'The stable name of the failure, for programs.' }),
      detail: z.string().meta({ description: 'More about this one failure, for people.' }).optional(),
      errors: z.array(fieldError).meta({ description: 'What is wrong with which field.' }).optional(),
      requestId: z.string().meta({ description: 'The name of the request in the log.' }),
    })
    .meta({ title: 'Problem' }),
  schemaFor: (some) => ({ type: 'object', properties: { code: { enum: some } } }),
  render: (error, requestId) => JSON.parse(problemOf(error, requestId)),
  status: (status) => status,
}

/** Turns whatever the later steps throw, or leave unanswered, into `application/problem+json` (RFC 9457). */
export function errorHandler(): Middleware {
  return withContract(
    { errors: ['server_error'], errorFormat: problems },
    async function errorHandler(ctx, next) {
      try {
        await next()
        if (ctx.body === undefined) refuseUnanswered(ctx)
      } catch (error) {
        answer(ctx, toGatewayError(error, ctx))
      }
    },
  )
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
  const { code, cause, status, message } = known
  // Where nothing has failed there is nothing to look into: the gateway starts, stops, or has too much to do.
  if (status === 503 && cause === undefined) log.warn({ code }, message)
  else if (status >= 500) log.error({ code, err: cause ?? known }, message)
  else log.debug({ code, err: cause }, message)
  state.failed = code
  const event = known.event ?? attempt?.failed
  if (event) state.announce(event, { code, ...known.about })
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
  return JSON.stringify({ type: typeOf(code), title, status, code, detail, errors, requestId })
}

function typeOf(code: ErrorCode): string {
  return `urn:claimgate:error:${code}`
}
