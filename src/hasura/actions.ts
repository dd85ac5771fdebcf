import * as z from 'zod'
import { type Middleware, withContract } from '../context.ts'
import { jsonBody, withBody } from '../http/body.ts'
import { actionErrors, answerFailure, formatErrors } from './failure.ts'
import type { RunOperation } from './run-operation.ts'
import { readVariables } from './session-variables.ts'

const bodyLimit = 1_048_576

/** The body that Hasura posts for an Action. A newer Hasura may add members. */
const actionBody = z.looseObject({
  action: z
    .looseObject({ name: z.string().meta({ description: 'The name of the Action.', examples: ['login'] }) })
    .meta({ description: 'The called Action.' }),
  input: z.record(z.string(), z.unknown()).meta({
    description: 'The arguments of the Action.',
    examples: [{ username: 'ada', password: 'correct horse' }],
  }),
  session_variables: z.record(z.string(), z.string()).meta({
    description: 'The session variables of the client in Hasura.',
    examples: [{ 'x-hasura-role': 'anonymous' }],
  }),
})

/** POST /hasura/actions: answers an Action with the result or the error of the operation of its name. */
export function actions({ run }: { run: RunOperation }): Middleware[] {
  return [
    formatErrors({ format: actionErrors }),
    jsonBody(actionBody, { limit: bodyLimit }),
    answerAction({ run }),
  ]
}

function answerAction({ run }: { run: RunOperation }): Middleware {
  return withContract(
    {
      answers: { 200: { description: 'The result of the Action.', schema: run.answer } },
      errors: run.errors,
    },
    withBody(actionBody, async function answerAction(ctx, { action, input, session_variables }) {
      const outcome = await run(ctx, action.name, input, readVariables(session_variables))
      if ('error' in outcome) answerFailure(ctx, outcome.error, actionErrors)
      else ctx.body = outcome.value
    }),
  )
}
