import compose from 'koa-compose'
import { z } from 'zod'
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

/** What became of an operation: what it answers as JSON, or why not. */
export type Outcome = { value: unknown } | { error: GatewayError }

/** Runs the operation of that name for one of Hasura's clients. Never throws. */
export type RunOperation = {
  (
    ctx: Context,
    name: string,
    input: Readonly<Record<string, unknown>>,
    client: HasuraClient,
  ): Promise<Outcome>
  /** Why operations fail. */
  readonly errors: readonly ErrorCode[]
  /** What operations answer. */
  readonly answer: z.ZodType
}

/**
 * Runs operations by the steps that their routes have, each with a state of its own, so that two in one request know
 * nothing of each other. `first` is passed before the guards. A failure is logged and announced here, as the error
 * handler does it for a route.
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
      if (!operation) throw new GatewayError('not_found', { detail: 'There is no such action' })
      const checkInput: Middleware = (_ctx, next) => {
        if (operation.input) checkBody(scope, operation.input, withoutNulls(input))
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

/** What operations answer, each once; what a route says by 204 has a body here. */
function answersOf(steps: readonly Middleware[]): z.ZodType[] {
  const schemas = steps.flatMap(({ contract }) => contract?.answers?.[200]?.schema ?? [])
  return [...new Set(schemas), z.strictObject({ ok: z.literal(true) }).meta({ title: 'Done' })]
}

/** The same request with another state, whose answer is nobody's but ours. */
function createScope(ctx: Context, hasuraClient: HasuraClient): Context {
  const { requestId, log, address } = ctx.state
  return Object.create(ctx, {
    state: { value: { requestId, log, address, hasuraClient } },
    body: { value: undefined, writable: true },
    status: { value: 200, writable: true },
  }) as Context
}

/** In GraphQL, null is how an optional argument is left out. */
function withoutNulls(input: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null))
}
