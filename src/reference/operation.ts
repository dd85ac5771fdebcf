import type { Answer, Contract, Credential } from '../context.ts'
import { type ErrorCode, errorTable } from '../errors.ts'
import type { RouteDescription } from './descriptions.ts'
import {
  exampleOf,
  type Operation,
  type Parameter,
  type Reference,
  type Response,
  type Schema,
} from './openapi.ts'
import type { createResponses, Failures } from './responses.ts'
import type { MemberDescriptions, Schemas } from './schemas.ts'

/** Creates the description of a route from the contracts of its steps and its texts. */
export function createDescribeOperation(schemas: Schemas, responses: ReturnType<typeof createResponses>) {
  function readParameters(contract: Contract): Parameter[] {
    return (['path', 'query', 'header', 'cookie'] as const).flatMap((place) => {
      const schema = contract[place]
      if (!schema) return []
      const { properties = {}, required = [] } = schemas.convert(schema, 'input')
      return Object.entries(properties).map(([name, { description, ...member }]) => {
        const example = exampleOf(member, schemas.components)
        return {
          name,
          in: place,
          required: required.includes(name),
          ...(description !== undefined && { description }),
          schema: member,
          ...(example !== undefined && { example }),
        }
      })
    })
  }

  function readBody(body: NonNullable<Contract['body']>, words?: MemberDescriptions) {
    const schema = acceptNulls(schemas.convert(body.schema, 'input', words))
    const example = exampleOf(schema, schemas.components)
    return {
      required: true,
      description: `At most ${body.limit < 1_048_576 ? `${body.limit / 1024} KB` : '1 MB'}.`,
      content: { [body.type ?? 'application/json']: { schema, ...(example !== undefined && { example }) } },
    }
  }

  return function describeOperation(
    contracts: readonly Contract[],
    { tag, id, body, ...words }: RouteDescription,
  ): Operation {
    const parameters = contracts.flatMap(readParameters)
    const input = contracts.find((contract) => contract.body)?.body
    return {
      operationId: id,
      tags: [tag],
      ...words,
      ...(parameters.length > 0 && { parameters }),
      ...(input && { requestBody: readBody(input, body) }),
      security: readSecurity(contracts),
      responses: { ...readAnswers(contracts, responses), ...readErrors(contracts, responses) },
    }
  }
}

/** Adds null to the members that a body may leave out: `validate` treats both alike. */
function acceptNulls(schema: Schema): Schema {
  if (!schema.properties) return schema
  const { properties, required = [] } = schema
  const members = Object.entries(properties).map(([name, member]) => {
    const inside = acceptNulls(member)
    return [name, required.includes(name) ? inside : orNull(inside)]
  })
  return { ...schema, properties: Object.fromEntries(members) }
}

function orNull(schema: Schema): Schema {
  if (schema.anyOf) return { ...schema, anyOf: [...schema.anyOf, { type: 'null' }] }
  return schema.type === undefined ? schema : { ...schema, type: [schema.type, 'null'].flat() }
}

function readSecurity(contracts: readonly Contract[]): Record<string, string[]>[] {
  const needed = contracts.flatMap(({ credential }) => credential ?? [])
  if (needed.length === 0) return []
  const requirement = (some: typeof needed): Partial<Record<Credential, string[]>> =>
    Object.fromEntries(some.map(({ kind }) => [kind, []]))
  const required = needed.filter(({ isOptional }) => !isOptional)
  return required.length < needed.length
    ? [requirement(required), requirement(needed)]
    : [requirement(needed)]
}

type Responses = Pick<ReturnType<typeof createResponses>, 'answered' | 'refused'>

function readAnswers(contracts: readonly Contract[], { answered }: Responses): Record<string, Response> {
  const answers = new Map<string, Answer[]>()
  for (const [status, answer] of contracts.flatMap((contract) => Object.entries(contract.answers ?? {}))) {
    answers.set(status, [...(answers.get(status) ?? []), answer])
  }
  return Object.fromEntries([...answers].map(([status, same]) => [status, answered(same)]))
}

/** Returns every error in the last error format that was declared before it. */
function readErrors(contracts: readonly Contract[], { refused }: Responses): Record<string, Reference> {
  const found = new Map<number, Failures[]>()
  let format: Failures['format'] | undefined
  for (const contract of contracts) {
    format = contract.errorFormat ?? format
    if (!format) continue
    for (const code of contract.errors ?? []) addTo(found, format, code)
  }
  return Object.fromEntries(
    [...found].sort(([a], [b]) => a - b).map(([status, failures]) => [status, refused(status, failures)]),
  )
}

function addTo(found: Map<number, Failures[]>, format: Failures['format'], code: ErrorCode): void {
  const status = format.status(errorTable[code].status)
  const others = found.get(status) ?? []
  const same = others.find((failures) => failures.format === format)
  const codes = [...new Set([...(same?.codes ?? []), code])].sort()
  found.set(status, [...others.filter((failures) => failures !== same), { format, codes }])
}
