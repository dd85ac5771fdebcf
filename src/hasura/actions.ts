import { z } from 'zod'
import { type Middleware, withContract } from '../context.ts'
import { actionFailures, answerFailure } from './failure.ts'
import type { RunOperation } from './run-operation.ts'
import { readVariables } from './session-variables.ts'

/** What Hasura posts for an action; more members may come with a newer Hasura. */
export const actionBody = z.looseObject({
  action: z
    .looseObject({ name: z.string().meta({ description: 'Its name.', examples: ['login'] }) })
    .meta({ description: 'Which action it is.' }),
  input: z
    .record(z.string(), z.unknown())
    .meta({ description: 'Its arguments.', examples: [{ username: 'ada', password: 'correct horse' }] }),
  session_variables: z
    .record(z.string(), z.string())
    .meta({ description: 'Who the client is to Hasura.', examples: [{ 'x-hasura-role': 'anonymous' }] }),
})

/** Answers an action: what the operation of its name answers, or its failure. */
export function createActions(run: RunOperation): Middleware {
  return withContract(
    { answers: { 200: { description: 'What the action answers.', schema: run.answer } }, errors: run.errors },
    async function answerAction(ctx) {
      const { action, input, session_variables } = ctx.state.body as z.infer<typeof actionBody>
      const outcome = await run(ctx, action.name, input, readVariables(session_variables))
      if ('error' in outcome) answerFailure(ctx, outcome.error, actionFailures)
      else ctx.body = outcome.value
    },
  )
}
