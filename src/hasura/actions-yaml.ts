import { type Description, objectTypes, operations } from './operations.ts'

/**
 * `hasura/actions.yaml`: where Hasura finds each action of `hasura/actions.graphql`, and which roles may call it. The
 * roles are the defaults of AUTH_ANONYMOUS_ROLE and AUTH_DEFAULT_ROLE.
 */
export function createActionsYaml(): string {
  const actions = Object.entries(operations).map(([name, operation]) => createAction(name, operation))
  const types = Object.entries(objectTypes).map(
    ([name, { description }]) => `    - name: ${name}\n      description: ${quote(description)}`,
  )
  const custom = `custom_types:\n  enums: []\n  input_objects: []\n  objects:\n${types.join('\n')}\n  scalars: []`
  return `actions:\n${actions.join('\n')}\n${custom}\n`
}

function createAction(name: string, { kind, description, isOpen }: Description): string {
  const roles = isOpen ? ['anonymous', 'user'] : ['user']
  return [
    `  - name: ${name}`,
    '    definition:',
    // Only a mutation can be asynchronous, so Hasura writes nothing here for a query.
    `      kind: ${kind === 'mutation' ? 'synchronous' : '""'}`,
    `      handler: '{{CLAIMGATE_URL}}/hasura/actions'`,
    '      forward_client_headers: true',
    '      headers:',
    '        - name: X-Action-Secret',
    '          value_from_env: AUTH_ACTION_SECRET',
    '    permissions:',
    ...roles.map((role) => `      - role: ${role}`),
    `    comment: ${quote(description)}`,
  ].join('\n')
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
