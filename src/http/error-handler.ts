import * as z from 'zod'
import { type Context, type ErrorFormat, type Middleware, withContract } from '../context.ts'
import { isOutage } from '../database/failures.ts'
import { type ErrorCode, errorTable, type FieldRule, fieldRules, GatewayError } from '../errors.ts'

const ruleList = Object.entries(fieldRules).map(([name, description]) => `- \`${name}\`: ${description}`)

/** The schema of a rejected field in every error format. */
export const fieldError = z
  .strictObject({
    field: z.string().meta({
      description: 'The name of the field; dots separate the names of nested fields.',
      examples: ['password'],
    }),
    rule: z.enum(Object.keys(fieldRules) as FieldRule[]).meta({
      description: `The stable name of the rule that the field breaks, for programs.\n\n${ruleList.join('\n')}`,
      examples: ['too_short'],
    }),
    limit: z
      .int()
      .meta({ description: 'The limit of `too_short` and `too_long`.', examples: [4] })
      .optional(),
    detail: z
      .string()
      .meta({ description: 'The reason for the rejection.', examples: ['has fewer than 4 characters'] }),
  })
  .meta({ title: 'FieldError' })

const codes = Object.keys(errorTable) as ErrorCode[]

/** The format of error answers (RFC 9457). */
const problems: ErrorFormat = {
  name: 'Problem',
  type: 'application/problem+json',
  schema: z
    .strictObject({
      type: z.enum(codes.map(typeOf)).meta({ description: 'The code as a URN.' }),
      title: z.string().meta({ description: 'The title of the code.' }),
      status: z.int().meta({ description: 'The HTTP status of the answer.' }),
      code: z.enum(codes).meta({ description: 'The stable name of the error, for programs.' }),
      detail: z.string().min(1).meta({ description: 'The cause and the remedy, for people.' }),
      errors: z.array(fieldError).meta({ description: 'The rejected fields.' }).optional(),
      requestId: z.string().meta({ description: 'The id of the request in the log.' }),
    })
    .meta({ title: 'Problem' }),
  schemaFor: (some) => ({ type: 'object', properties: { code: { enum: some } } }),
  render: (error, requestId) => JSON.parse(problemOf(error, requestId)),
  status: (status) => status,
}

/** Answers errors of the later steps and unanswered requests with `application/problem+json` (RFC 9457). */
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

/** Throws `method_not_allowed` or `not_found`. The router sets an empty Allow header where no route has the path. */
function refuseUnanswered(ctx: Context): void {
  const isOtherMethod = (ctx.status === 405 || ctx.status === 501) && ctx.response.get('Allow') !== ''
  if (isOtherMethod) throw new GatewayError('method_not_allowed')
  if (ctx.status >= 400) {
    ctx.remove('Allow')
    throw new GatewayError('not_found')
  }
}

/** Returns the part of an error that the caller may see. Logs the cause and announces the events. */
export function toGatewayError(error: unknown, { state }: Context): GatewayError {
  const { log, attempt } = state
  const known = error instanceof GatewayError ? error : new GatewayError('server_error', { cause: error })
  const { code, cause, status, message } = known
  // An outage has lines of its own in the log, one for each change of state.
  if (isOutage(known)) log.debug({ code, err: cause }, message)
  // A 503 without a cause is no failure: the gateway starts, stops or is overloaded.
  else if (status === 503 && cause === undefined) log.warn({ code }, message)
  else if (status >= 500) log.error({ code, err: cause ?? known }, message)
  else log.debug({ code, err: cause }, message)
  state.failed = code
  // A failure of the gateway or of its database says nothing about the client.
  const failed = status === 500 || status === 503 ? undefined : attempt?.failed
  const events = known.event ? [known.event] : [errorTable[code].event, failed]
  for (const event of events) if (event) state.announce(event, { code, ...known.about })
  return known
}

function answer(ctx: Context, error: GatewayError): void {
  ctx.status = error.status
  ctx.set({ 'Cache-Control': 'no-store', ...error.headers })
  ctx.body = problemOf(error, ctx.state.requestId)
  ctx.type = 'application/problem+json'
}

/** Returns the body of an error answer (RFC 9457). */
export function problemOf({ code, status, title, detail, errors }: GatewayError, requestId: string): string {
  return JSON.stringify({ type: typeOf(code), title, status, code, detail, errors, requestId })
}

function typeOf(code: ErrorCode): string {
  return `urn:claimgate:error:${code}`
}
