import { z } from 'zod'
import type { Document, Operation, Response, Schema } from '../src/reference/openapi.ts'
import type { Answer } from './_app.ts'

/** Returns the document's operation of a request; null for an unknown route. */
export function findOperation(document: Document, method: string, path: string): Operation | null {
  const [pathname = ''] = path.split('?')
  const found = Object.entries(document.paths).find(([known, methods]) => {
    const parts = known.split(/\{\w+\}/).map((part) => part.replace(/[.]/g, '\\.'))
    return method.toLowerCase() in methods && new RegExp(`^${parts.join('[^/]+')}$`).test(pathname)
  })
  return found?.[1][method.toLowerCase()] ?? null
}

/** Throws unless the document has this answer to the request: status, media type, body and code. */
export function requireDocumented(document: Document, method: string, path: string, answer: Answer): void {
  const operation = findOperation(document, method, path)
  const { status, headers, text } = answer
  const type = headers.get('content-type')?.split(';')[0] ?? ''
  const fault = operation === null ? faultWithoutRoute() : faultOfAnswer(operation)
  if (fault !== null)
    throw new Error(`the API reference does not say ${method} ${path} → ${status} ${type}: ${fault}\n${text}`)

  function faultWithoutRoute(): string | null {
    return status < 400 && type === 'application/json' ? 'the route is undocumented' : null
  }

  function faultOfAnswer(known: Operation): string | null {
    const response = responseOf(document, known, status)
    if (response === null) return 'the status is undocumented'
    // A redirect has a short text for browsers that do not follow it.
    if (status >= 300 && status < 400) return null
    if (!response.content) return text === '' ? null : 'a body is undocumented'
    const { schema } = response.content[type] ?? {}
    if (!schema) return 'the media type is undocumented'
    return faultOf(document, schema, type.endsWith('json') ? JSON.parse(text) : text)
  }
}

/** Returns the document's response of a status; null for an undocumented status. */
export function responseOf(document: Document, operation: Operation, status: number): Response | null {
  const response = operation.responses[status]
  if (!response || !('$ref' in response)) return response ?? null
  return document.components.responses[response.$ref.split('/').at(-1) ?? ''] ?? null
}

const readers = new Map<string, z.ZodType>()

/** Returns the fault of a value by a schema of the document; null for a valid value. */
export function faultOf(document: Document, schema: Schema, value: unknown): string | null {
  const parts = schema.allOf ?? [schema]
  for (const part of parts) {
    const text = JSON.stringify(inline(document, part))
    const reader = readers.get(text) ?? z.fromJSONSchema(JSON.parse(text))
    readers.set(text, reader)
    const result = reader.safeParse(value)
    if (!result.success) return z.prettifyError(result.error)
  }
  return null
}

/** Returns the schema with every reference replaced by its target. */
function inline(document: Document, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((each) => inline(document, each))
  if (typeof value !== 'object' || value === null) return value
  const { $ref, ...rest } = value as Record<string, unknown>
  const target = typeof $ref === 'string' ? document.components.schemas[$ref.split('/').at(-1) ?? ''] : {}
  return Object.fromEntries(
    Object.entries({ ...target, ...rest }).map(([name, each]) => [name, inline(document, each)]),
  )
}
