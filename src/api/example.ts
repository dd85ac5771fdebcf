import type { Schema } from './openapi.ts'

/** A value that the schema allows, made of the examples of its parts; undefined where it has none. */
export function exampleOf(schema: Schema, components: Readonly<Record<string, Schema>>): unknown {
  const { $ref, examples, properties, required = [], items, anyOf } = schema
  if ($ref !== undefined) return exampleOf(components[$ref.split('/').at(-1) ?? ''] ?? {}, components)
  if (examples) return examples[0]
  if (schema.const !== undefined) return schema.const
  if (schema.enum) return schema.enum[0]
  if (anyOf?.[0]) return exampleOf(anyOf[0], components)
  if (items) return oneOf(exampleOf(items, components))
  if (!properties) return undefined
  const members = Object.entries(properties).map(([name, member]) => [name, exampleOf(member, components)])
  const known = Object.fromEntries(members.filter(([, value]) => value !== undefined))
  return required.every((name) => name in known) ? known : undefined
}

function oneOf(item: unknown): unknown[] | undefined {
  return item === undefined ? undefined : [item]
}
