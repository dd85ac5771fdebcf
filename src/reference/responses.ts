import type { Answer, ErrorFormat } from '../context.ts'
import { type ErrorCode, errorTable, GatewayError } from '../errors.ts'
import { errorDescriptions } from './descriptions.ts'
import { type Content, exampleOf, type Reference, type Response, type Schema } from './openapi.ts'
import type { Schemas } from './schemas.ts'

/** Errors of one route in one format. */
export type Failures = { format: ErrorFormat; codes: readonly ErrorCode[] }

/** Creates the answers of a route. Error answers are components, because most routes share them. */
export function createResponses(schemas: Schemas) {
  const components: Record<string, Response> = {}
  const withExample = (schema: Schema) => {
    const example = exampleOf(schema, schemas.components)
    return { schema, ...(example !== undefined && { example }) }
  }

  function answered(answers: readonly Answer[]): Response {
    const [first] = answers as [Answer]
    const bodies = [...new Set(answers.flatMap(({ schema }) => schema ?? []))]
    const parts = bodies.map((schema) => schemas.convert(schema, 'output'))
    const [schema] = parts.length > 1 ? [{ anyOf: parts }] : parts
    const headers = Object.entries(Object.assign({}, ...answers.map((each) => each.headers ?? {})))
    return {
      description: [...new Set(answers.map(({ description }) => description))].join(' Or: '),
      ...(headers.length > 0 && {
        headers: Object.fromEntries(headers.map(([name, text]) => [name, header(String(text))])),
      }),
      ...(schema && { content: { [first.type ?? 'application/json']: withExample(schema) } }),
    }
  }

  function refused(status: number, failures: readonly Failures[]): Reference {
    const name = failures.map(({ format, codes }) => nameOf(format, codes)).join('')
    components[name] ??= {
      description: describeErrors(failures.flatMap(({ codes }) => codes)),
      ...((status === 429 || status === 503) && {
        headers: { 'Retry-After': header('The seconds to wait before the next attempt.', 'integer') },
      }),
      content: Object.fromEntries(
        failures.map(({ format, codes }) => [format.type, contentOf(format, codes)]),
      ),
    }
    return { $ref: `#/components/responses/${name}` }
  }

  function contentOf(format: ErrorFormat, codes: readonly ErrorCode[]): Content[string] {
    const example = (code: ErrorCode) => ({
      summary: errorTable[code].title,
      value: format.render(sampleOf(code), 'c0ffee'),
    })
    return {
      schema: { allOf: [schemas.convert(format.schema, 'output'), format.schemaFor(codes)] },
      examples: Object.fromEntries(codes.map((code) => [code, example(code)])),
    }
  }

  return { components, answered, refused }
}

function header(description: string, type = 'string'): { description: string; schema: Schema } {
  return { description, schema: { type } }
}

function describeErrors(codes: readonly ErrorCode[]): string {
  return [...new Set(codes)].map((code) => `\`${code}\`: ${errorDescriptions[code]}`).join('\n\n')
}

function nameOf({ name }: ErrorFormat, codes: readonly ErrorCode[]): string {
  const words = codes.map((code) => code.replace(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase()))
  return `${name === 'Problem' ? '' : name}${words.join('Or')}`
}

function sampleOf(code: ErrorCode): GatewayError {
  const errors = [
    { field: 'password', rule: 'too_short', limit: 4, detail: 'has fewer than 4 characters' } as const,
  ]
  return new GatewayError(code, code === 'validation_failed' ? { errors } : {})
}
