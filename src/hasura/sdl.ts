import { type Description, objectTypes, operations } from './operations.ts'

const all: [name: string, description: Description][] = Object.entries(operations)

/** `hasura/actions.graphql`, in the form in which Hasura writes it: each action as a root type of its own. */
export function createActionsGraphql(): string {
  const actions = all.map(([name, operation]) => {
    const root = operation.kind === 'query' ? 'Query' : 'Mutation'
    return `type ${root} {\n${createField(name, operation)}\n}\n`
  })
  return [...actions, createTypes()].join('\n')
}

function createField(name: string, operation: Description): string {
  const taken = Object.entries(operation.arguments).map(
    ([argument, { type, description }]) => `${describe(description, '    ')}    ${argument}: ${type}`,
  )
  const list = taken.length === 0 ? '' : `(\n${taken.join('\n')}\n  )`
  return `${describe(operation.description, '  ')}  ${name}${list}: ${operation.result}`
}

function createTypes(): string {
  return Object.entries(objectTypes)
    .map(([name, { description, fields }]) => {
      const lines = Object.entries(fields).map(
        ([field, each]) => `${describe(each.description, '  ')}  ${field}: ${each.type}`,
      )
      return `${describe(description, '')}type ${name} {\n${lines.join('\n\n')}\n}\n`
    })
    .join('\n')
}

function describe(description: string, indent: string): string {
  return `${indent}"""\n${indent}${description}\n${indent}"""\n`
}
