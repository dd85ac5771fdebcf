import { buildSchema, type DocumentNode, execute, GraphQLError, parse, validate } from 'graphql'
import type { Context, HasuraClient } from '../context.ts'
import { type ErrorCode, GatewayError } from '../errors.ts'
import { type Failure, failureOf } from './failure.ts'
import { operations } from './operations.ts'
import { measureQuery } from './query-limits.ts'
import type { RunOperation } from './run-operation.ts'
import { createRemoteSchema } from './schema-language.ts'

type Scope = { ctx: Context; client: HasuraClient }
type AnswerError = Failure & { path?: readonly (string | number)[] }
type Answer = { data?: unknown; errors?: AnswerError[] }

/** The members of a GraphQL request that are read. */
type Request = {
  query: string
  operationName?: string | null | undefined
  variables?: Readonly<Record<string, unknown>> | null | undefined
}

/** Answers one GraphQL request. Never throws. */
export type Execute = (ctx: Context, request: Request, client: HasuraClient) => Promise<Answer>

// The largest legitimate query is introspection, with 13 levels and about 300 fields.
const most = { characters: 10_000, tokens: 1_000, depth: 16, fields: 500, roots: 4 }

/** Creates the executor of GraphQL requests. Each root field runs the operation of the same name. */
export function createExecute(run: RunOperation): Execute {
  const schema = buildSchema(createRemoteSchema())
  const rootValue = Object.fromEntries(
    Object.keys(operations).map((name) => [
      name,
      async (input: Record<string, unknown>, { ctx, client }: Scope) => {
        const outcome = await run(ctx, name, input, client)
        if ('value' in outcome) return outcome.value
        const { message, extensions } = failureOf(outcome.error, ctx.state.requestId)
        throw new GraphQLError(message, { extensions })
      },
    ]),
  )

  return async function executeQuery(ctx, { query, operationName, variables }, client) {
    try {
      const document = read(query)
      const graphqlErrors = validate(schema, document)
      if (graphqlErrors.length > 0) return { errors: graphqlErrors.map((error) => toFailure(error, ctx)) }
      const { data, errors } = await execute({
        schema,
        document,
        rootValue,
        contextValue: { ctx, client } satisfies Scope,
        variableValues: variables,
        operationName,
      })
      return {
        ...(data !== undefined && { data }),
        ...(errors && { errors: errors.map((error) => toFailure(error, ctx)) }),
      }
    } catch (error) {
      const known = error instanceof GatewayError ? error : serverError(ctx, error)
      return { errors: [failureOf(known, ctx.state.requestId)] }
    }
  }
}

/** Parses a query within the limits. Throws `malformed_request` and `validation_failed`. */
function read(query: string): DocumentNode {
  if (query.length > most.characters) throw tooLarge(`has more than ${most.characters} characters`)
  const document = parseQuery(query)
  const { depth, fields, roots } = measureQuery(document)
  if (depth > most.depth) throw tooLarge(`is nested deeper than ${most.depth} levels`)
  if (fields > most.fields) throw tooLarge(`has more than ${most.fields} fields`)
  if (roots > most.roots) throw tooLarge(`has more than ${most.roots} root fields`)
  return document
}

function parseQuery(query: string): DocumentNode {
  try {
    return parse(query, { maxTokens: most.tokens, noLocation: true })
  } catch (cause) {
    const { line, column } = (cause as GraphQLError).locations?.[0] ?? {}
    const detail = `The query is not valid GraphQL, or has more than ${most.tokens} tokens, at line ${line}, column ${column}`
    throw new GatewayError('malformed_request', { detail })
  }
}

function tooLarge(detail: string): GatewayError {
  return new GatewayError('validation_failed', { detail: `The query ${detail}` })
}

// The end of graphql's own messages, which quotes a value such as a password.
const quotation = /(?: (?:got|has) invalid value|, found|:) .*$/s

/** Converts an error of GraphQL. Errors of an operation keep their code; errors of graphql itself get one. */
function toFailure({ message, path, extensions, originalError }: GraphQLError, ctx: Context): AnswerError {
  const { requestId } = ctx.state
  const { code: ours, detail: cause } = extensions
  if (typeof ours === 'string')
    return {
      message,
      ...(path && { path }),
      extensions: { ...extensions, code: ours, detail: String(cause) },
    }
  // Only an error of a field has a path. An error of a variable may have an original error too.
  if (path && originalError) return { path, ...failureOf(serverError(ctx, originalError), requestId) }
  const code = 'validation_failed' satisfies ErrorCode
  const detail = message.replace(quotation, ' is not valid')
  return { message: detail, extensions: { code, detail, requestId } }
}

function serverError({ state }: Context, cause: unknown): GatewayError {
  const error = new GatewayError('server_error', { cause })
  state.log.error({ code: error.code, err: cause }, error.message)
  return error
}
