import compose from 'koa-compose'
import * as z from 'zod'
import { type Context, errorsOf, type HasuraClient, type Middleware } from '../context.ts'
import { type ErrorCode, GatewayError } from '../errors.ts'
import { checkBody } from '../http/body.ts'
import { toGatewayError } from '../http/error-handler.ts'
import type { OperationName } from './operations.ts'

/** One operation, for any transport. */
export type Operation = {
  /** The steps before the input is read. */
  guards: readonly Middleware[]
  /** The schema of the input; null without input. */
  input: z.ZodType | null
  steps: readonly Middleware[]
}

/** The outcome of an operation: its JSON answer or its error. */
export type Outcome = { value: unknown } | { error: GatewayError }

/** Runs an operation by name for a client of Hasura. Never throws. */
export type RunOperation = {
  (
    ctx: Context,
    name: string,
    input: Readonly<Record<string, unknown>>,
    client: HasuraClient,
  ): Promise<Outcome>
  /** The codes of all errors of operations. */
  readonly errors: readonly ErrorCode[]
  /** The schema of all answers of operations. */
  readonly answer: z.ZodType
}

/**
 * Creates the function that runs operations with the steps of their routes. Each run has a state of its own, so that
 * operations in one request share nothing. `first` runs before the guards. A failure is logged and announced, as the
 * error handler does for a route.
 */
export function createRunOperation(
  operations: Readonly<Record<OperationName, Operation>>,
  first: Middleware,
): RunOperation {
  const known = new Map<string, Operation>(Object.entries(operations))
  async function runOperation(
    ctx: Context,
    name: string,
    input: Readonly<Record<string, unknown>>,
    client: HasuraClient,
  ): Promise<Outcome> {
    const scope = createScope(ctx, client)
    try {
      const operation = known.get(name)
      if (!operation)
        throw new GatewayError('not_found', {
          detail: 'There is no action of this name; hasura/actions.graphql lists all actions',
        })
      const checkInput: Middleware = (_ctx, next) => {
        if (operation.input) checkBody(scope, operation.input, input)
        return next()
      }
      await compose([first, ...operation.guards, checkInput, ...operation.steps])(scope)
      return { value: scope.status === 204 ? { ok: true } : JSON.parse(JSON.stringify(scope.body)) }
    } catch (error) {
      return { error: toGatewayError(error, scope) }
    }
  }
  const steps = Object.values(operations).flatMap((operation) => [...operation.guards, ...operation.steps])
  const errors: ErrorCode[] = [...errorsOf(steps), 'validation_failed', 'not_found', 'server_error']
  return Object.assign(runOperation, { errors, answer: z.union(answersOf(steps)) })
}

/** Returns the answer schemas of the steps, each once. The answer for 204 of a route is `{ ok: true }`. */
function answersOf(steps: readonly Middleware[]): z.ZodType[] {
  const schemas = steps.flatMap(({ contract }) => contract?.answers?.[200]?.schema ?? [])
  return [...new Set(schemas), z.strictObject({ ok: z.literal(true) }).meta({ title: 'Done' })]
}

/** Returns the same request with a state, body and status of its own. */
function createScope(ctx: Context, hasuraClient: HasuraClient): Context {
  const { requestId, log, address } = ctx.state
  return Object.create(ctx, {
    state: { value: { requestId, log, address, hasuraClient } },
    body: { value: undefined, writable: true },
    status: { value: 200, writable: true },
  }) as Context
}
