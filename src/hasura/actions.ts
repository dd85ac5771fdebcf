import { z } from 'zod'
import type { Middleware } from '../context.ts'
import { answerFailure } from './failure.ts'
import type { RunOperation } from './run-operation.ts'
import { readVariables } from './session-variables.ts'

/** What Hasura posts for an action; more members may come with a newer Hasura. */
export const actionBody = z.looseObject({
  action: z.looseObject({ name: z.string() }),
  input: z.record(z.string(), z.unknown()),
  session_variables: z.record(z.string(), z.string()),
})

/** Answers an action: what the operation of its name answers, or its failure. */
export function createActions(run: RunOperation): Middleware {
  return async function answerAction(ctx) {
    const { action, input, session_variables } = ctx.state.body as z.infer<typeof actionBody>
    const outcome = await run(ctx, action.name, input, readVariables(session_variables))
    if ('error' in outcome) answerFailure(ctx, outcome.error, (failure) => failure)
    else ctx.body = outcome.value
  }
}
