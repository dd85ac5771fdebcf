import { z } from 'zod'
import type { Middleware } from '../context.ts'
import type { Failure } from './failure.ts'
import type { Execute } from './remote-schema.ts'
import type { RunOperation } from './run-operation.ts'
import { readVariableHeaders } from './session-variables.ts'

/** A GraphQL request: one, never a list of them. */
export const graphqlBody = z.strictObject({
  query: z.string(),
  operationName: z.string().nullish(),
  variables: z.record(z.string(), z.unknown()).nullish(),
  extensions: z.unknown().optional(),
})

/** A failure as the answer to a GraphQL request. */
export function graphqlFailure(failure: Failure): { errors: Failure[] } {
  return { errors: [failure] }
}

/**
 * Answers GraphQL requests of Hasura. What is wrong with a query is told with 200, because of any other status Hasura
 * tells its client nothing.
 */
export function createGraphql(run: RunOperation): Middleware {
  let loading: Promise<Execute> | undefined
  return async function answerGraphql(ctx) {
    // GraphQL is loaded only where somebody speaks it.
    loading ??= import('./remote-schema.ts').then(({ createExecute }) => createExecute(run))
    const execute = await loading
    const request = ctx.state.body as z.infer<typeof graphqlBody>
    ctx.body = await execute(ctx, request, readVariableHeaders(ctx))
  }
}
