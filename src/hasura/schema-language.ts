import { type Description, objectTypes, operations } from './operations.ts'

const all: [name: string, description: Description][] = Object.entries(operations)

/** Returns the schema of `POST /graphql` in GraphQL's schema language, with descriptions. */
export function createRemoteSchema(): string {
  const roots = [`type Query {\n${fieldsOf('query')}\n}\n`, `type Mutation {\n${fieldsOf('mutation')}\n}\n`]
  return [...roots, createTypes()].join('\n')
}

/** Returns `hasura/actions.graphql` in the form of Hasura's exports: each action is a root type of its own. */
export function createActionsGraphql(): string {
  const actions = all.map(([name, operation]) => {
    const root = operation.kind === 'query' ? 'Query' : 'Mutation'
    return `type ${root} {\n${createField(name, operation)}\n}\n`
  })
  return [...actions, createTypes()].join('\n')
}

function fieldsOf(kind: Description['kind']): string {
  return (
    all
      .filter(([, operation]) => operation.kind === kind)
      // A nullable root field lets one of two operations in a request fail alone.
      .map(([name, operation]) =>
        createField(name, { ...operation, result: operation.result.replace(/!$/, '') }),
      )
      .join('\n\n')
  )
}

function createField(name: string, operation: Description): string {
  const taken = Object.entries(operation.arguments).map(
    ([argument, { type, description }]) =>
      `${formatDescription(description, '    ')}    ${argument}: ${type}`,
  )
  const list = taken.length === 0 ? '' : `(\n${taken.join('\n')}\n  )`
  return `${formatDescription(operation.description, '  ')}  ${name}${list}: ${operation.result}`
}

function createTypes(): string {
  return Object.entries(objectTypes)
    .map(([name, { description, fields }]) => {
      const lines = Object.entries(fields).map(
        ([field, each]) => `${formatDescription(each.description, '  ')}  ${field}: ${each.type}`,
      )
      return `${formatDescription(description, '')}type ${name} {\n${lines.join('\n\n')}\n}\n`
    })
    .join('\n')
}

function formatDescription(description: string, indent: string): string {
  return `${indent}"""\n${indent}${description}\n${indent}"""\n`
}
