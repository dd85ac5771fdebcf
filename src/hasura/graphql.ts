import * as z from 'zod'
import { type Middleware, withContract } from '../context.ts'
import { jsonBody, withBody } from '../http/body.ts'
import { failureSchema, formatErrors, graphqlErrors } from './failure.ts'
import type { Execute } from './remote-schema.ts'
import type { RunOperation } from './run-operation.ts'
import { readVariableHeaders } from './session-variables.ts'

const bodyLimit = 65_536

/** One GraphQL request, never a list of them. */
const graphqlBody = z.strictObject({
  query: z
    .string()
    .meta({ description: 'At most 10,000 characters.', examples: ['{ providers { name label } }'] }),
  operationName: z.string().nullish().meta({ description: 'The name of the operation to run.' }),
  variables: z
    .record(z.string(), z.unknown())
    .nullish()
    .meta({ description: 'The values of the variables.' }),
  extensions: z.unknown().optional().meta({ description: 'Ignored.' }),
})

const path = z
  .array(z.union([z.string(), z.int()]))
  .meta({ description: 'The path of the failed field.' })
  .optional()

/** The schema of a GraphQL response. */
const graphqlAnswer = z
  .strictObject({
    data: z.unknown().meta({
      description: 'The requested fields.',
      examples: [{ providers: [{ name: 'local', label: 'Username and password' }] }],
    }),
    errors: z
      .array(failureSchema.extend({ path }))
      .meta({ description: 'The errors, with the path of each failed field.' }),
  })
  .partial()
  .meta({ title: 'GraphqlAnswer' })

/** POST /graphql: answers GraphQL requests of Hasura. */
export function graphql({ run }: { run: RunOperation }): Middleware[] {
  return [
    formatErrors({ format: graphqlErrors }),
    jsonBody(graphqlBody, { limit: bodyLimit }),
    answerGraphql({ run }),
  ]
}

/** Answers errors of the query with status 200: Hasura hides the errors of every other status from its client. */
function answerGraphql({ run }: { run: RunOperation }): Middleware {
  let loading: Promise<Execute> | undefined
  return withContract(
    {
      answers: {
        200: {
          description: 'The GraphQL response, also when a field or the query failed.',
          schema: graphqlAnswer,
        },
      },
    },
    withBody(graphqlBody, async function answerGraphql(ctx, request) {
      // The library is loaded at the first request.
      loading ??= import('./remote-schema.ts').then(({ createExecute }) => createExecute(run))
      const execute = await loading
      ctx.body = await execute(ctx, request, readVariableHeaders(ctx))
    }),
  )
}
