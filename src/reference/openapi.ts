/** The part of JSON Schema (draft 2020-12) that zod writes. */
export type Schema = {
  $ref?: string
  title?: string
  description?: string
  type?: string | string[]
  format?: string
  pattern?: string
  const?: unknown
  enum?: unknown[]
  examples?: unknown[]
  minLength?: number
  maxLength?: number
  minimum?: number
  exclusiveMinimum?: number
  maximum?: number
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: boolean | Schema
  propertyNames?: Schema
  items?: Schema
  anyOf?: Schema[]
  allOf?: Schema[]
}

export type Parameter = {
  name: string
  in: 'path' | 'query' | 'header' | 'cookie'
  required: boolean
  description?: string
  schema: Schema
  example?: unknown
}

export type Example = { summary?: string; value: unknown }
export type Content = Record<
  string,
  { schema: Schema; examples?: Record<string, Example>; example?: unknown }
>
export type Header = { description: string; schema: Schema }
export type Reference = { $ref: string }
export type Response = { description: string; headers?: Record<string, Header>; content?: Content }

export type Operation = {
  operationId: string
  tags: string[]
  summary: string
  description?: string
  parameters?: (Parameter | Reference)[]
  requestBody?: { required: boolean; description?: string; content: Content }
  security: Record<string, string[]>[]
  responses: Record<string, Response | Reference>
}

/** An error of any route, in the extension `x-errors`. */
export type KnownError = { code: string; status: number; title: string; description: string }

/** The part of OpenAPI 3.1 that the reference uses. */
export type Document = {
  openapi: '3.1.0'
  info: {
    title: string
    version: string
    summary: string
    description: string
    license: { name: string; identifier: string }
  }
  servers: { url: string; description: string }[]
  tags: { name: string; description: string }[]
  paths: Record<string, Record<string, Operation>>
  components: {
    schemas: Record<string, Schema>
    responses: Record<string, Response>
    parameters: Record<string, Parameter>
    securitySchemes: Record<string, Record<string, string>>
  }
  'x-errors': KnownError[]
}

/** Resolves a reference of the document. */
export function resolve<T extends object>(document: Document, value: T | Reference): T {
  if (!('$ref' in value) || typeof value.$ref !== 'string') return value as T
  const [, , section = '', name = ''] = value.$ref.split('/')
  const components = document.components as unknown as Record<string, Record<string, unknown>>
  return components[section]?.[name] as T
}

/** Creates a valid value from the examples of a schema; undefined without examples. */
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
