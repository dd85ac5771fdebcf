import { isDeepStrictEqual } from 'node:util'
import * as z from 'zod'
import type { Schema } from './openapi.ts'

/** The descriptions of members: name → description. */
export type MemberDescriptions = Readonly<Record<string, { description: string }>>

/** Finds the descriptions of a titled schema and its members. */
export type FindTypeDescription = (
  title: string,
) => { description: string; fields: MemberDescriptions } | undefined

export type Schemas = ReturnType<typeof createSchemas>

/**
 * Converts zod schemas to JSON Schema. A schema with a title becomes a component of that name. The description of a zod
 * schema takes precedence over the description that `findDescription` returns.
 */
export function createSchemas(findDescription: FindTypeDescription) {
  const components: Record<string, Schema> = {}
  const converted = new Map<z.ZodType, Schema>()

  function hoist(schema: Schema): Schema {
    const inside = mapParts(tidy(schema), hoist)
    const { title } = inside
    if (title === undefined) return inside
    const words = findDescription(title)
    const known = components[title]
    const made = words ? describeMembers({ description: words.description, ...inside }, words.fields) : inside
    if (known && !isDeepStrictEqual(known, made)) throw new Error(`two schemas have the title ${title}`)
    components[title] = made
    return { $ref: `#/components/schemas/${title}` }
  }

  function convert(schema: z.ZodType, io: 'input' | 'output'): Schema {
    const known = converted.get(schema)
    if (known) return known
    const { $schema: _, ...json } = z.toJSONSchema(schema, { io })
    const made = hoist(json as Schema)
    converted.set(schema, made)
    return made
  }

  return {
    components,
    /** Converts the schema of a request (`input`) or an answer (`output`). */
    convert: (schema: z.ZodType, io: 'input' | 'output', words: MemberDescriptions = {}): Schema =>
      describeMembers(convert(schema, io), words),
  }
}

/** Adds descriptions to the members without one. */
function describeMembers(schema: Schema, words: MemberDescriptions): Schema {
  if (!schema.properties) return schema
  const properties = Object.entries(schema.properties).map(([name, member]) => {
    const description = member.description ?? words[name]?.description
    return [name, { ...member, ...(description !== undefined && { description }) }]
  })
  return { ...schema, properties: Object.fromEntries(properties) }
}

/** Applies `change` to each direct part of a schema. */
function mapParts(schema: Schema, change: (schema: Schema) => Schema): Schema {
  const { properties, additionalProperties, items, anyOf } = schema
  return {
    ...schema,
    ...(properties && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([name, member]) => [name, change(member)]),
      ),
    }),
    ...(typeof additionalProperties === 'object' && { additionalProperties: change(additionalProperties) }),
    ...(items && { items: change(items) }),
    ...(anyOf && { anyOf: anyOf.map(change) }),
  }
}

/** Removes redundant keywords of zod: patterns of formats, property names, and the bounds of safe integers. */
function tidy({ propertyNames: _, ...schema }: Schema): Schema {
  const { format, pattern, minimum, maximum, ...rest } = schema
  return {
    ...rest,
    ...(format !== undefined && { format }),
    ...(pattern !== undefined && format === undefined && { pattern }),
    ...(minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER && { minimum }),
    ...(maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER && { maximum }),
  }
}
