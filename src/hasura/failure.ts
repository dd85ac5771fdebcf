import * as z from 'zod'
import { type Context, type ErrorFormat, type Middleware, withContract } from '../context.ts'
import { type ErrorCode, errorTable, type GatewayError } from '../errors.ts'
import { fieldError, toGatewayError } from '../http/error-handler.ts'

/** A failure in the form that Hasura passes on to its clients. */
export type Failure = {
  message: string
  extensions: Record<string, unknown> & { code: string; detail: string }
}

const codes = Object.keys(errorTable) as ErrorCode[]

/** The JSON schema of a failure. */
export const failureSchema = z
  .strictObject({
    message: z.string().meta({ description: 'The error in a sentence, for people.' }),
    extensions: z
      .strictObject({
        code: z.enum(codes).meta({ description: 'The stable name of the error, for programs.' }),
        detail: z.string().min(1).meta({ description: 'The cause and the remedy, for people.' }),
        errors: z.array(fieldError).meta({ description: 'The rejected arguments.' }).optional(),
        retryAfter: z.int().meta({ description: 'The seconds to wait before the next attempt.' }).optional(),
        requestId: z.string().meta({ description: 'The id of the request in the log.' }),
      })
      .meta({ description: 'The details of the error, for programs.' }),
  })
  .meta({ title: 'ActionFailure' })

const holding = (name: string, schema: object) => ({ type: 'object', properties: { [name]: schema } })

const schemaFor = (some: readonly ErrorCode[]) => holding('extensions', holding('code', { enum: some }))

/** The error format of an action. */
export const actionErrors: ErrorFormat = {
  name: 'ActionFailure',
  type: 'application/json',
  schema: failureSchema,
  schemaFor,
  render: failureOf,
  status: statusForHasura,
}

/** The error format of a remote schema. */
export const graphqlErrors: ErrorFormat = {
  ...actionErrors,
  name: 'GraphqlFailure',
  schema: z
    .strictObject({ errors: z.array(failureSchema).meta({ description: 'A list with one error.' }) })
    .meta({ title: 'GraphqlFailure' }),
  schemaFor: (some) => holding('errors', { type: 'array', items: schemaFor(some) }),
  render: (error, requestId) => ({ errors: [failureOf(error, requestId)] }),
}

/** Replaces 5xx by 400, because Hasura hides the body of a 5xx. The code stays. */
function statusForHasura(status: number): number {
  return status >= 500 ? 400 : status
}

/** Converts an error to a failure with the same information as the error response of a route. */
export function failureOf(error: GatewayError, requestId: string): Failure {
  const { code, message, detail, errors, headers } = error
  const retryAfter = headers['Retry-After']
  return {
    message,
    extensions: {
      code,
      detail,
      ...(errors && { errors }),
      ...(retryAfter !== undefined && { retryAfter: Number(retryAfter) }),
      requestId,
    },
  }
}

/** Answers with a failure. */
export function answerFailure(ctx: Context, error: GatewayError, { render, status }: ErrorFormat): void {
  ctx.status = status(error.status)
  ctx.set({ 'Cache-Control': 'no-store', ...error.headers })
  ctx.body = render(error, ctx.state.requestId)
}

/** Answers every error of the later steps in a format for Hasura. */
export function formatErrors({ format }: { format: ErrorFormat }): Middleware {
  return withContract(
    { errorFormat: format, errors: ['server_error'] },
    async function formatErrors(ctx, next) {
      try {
        await next()
      } catch (error) {
        answerFailure(ctx, toGatewayError(error, ctx), format)
      }
    },
  )
}
