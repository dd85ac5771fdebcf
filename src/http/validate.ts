import * as z from 'zod'
import { type FieldError, type FieldRule, fieldRules, GatewayError } from '../errors.ts'

// A longer list of faults does not help a client.
const mostErrors = 20

/**
 * Checks `value` against a schema. A null member counts as left out where the schema lets it be left out. Throws
 * `validation_failed` with an entry for each bad field, at most 20.
 */
export function validate<T>(schema: z.ZodType<T>, value: unknown): T {
  // A value that the schema accepts has no null that must go, and most values are such.
  const asSent = schema.safeParse(value)
  if (asSent.success) return asSent.data
  const result = schema.safeParse(withoutNulls(schema, value), { error: formatTypeError, reportInput: true })
  if (result.success) return result.data
  const found = new Map<string, FieldError>()
  for (const issue of result.error.issues) {
    for (const error of toFieldErrors(issue)) {
      if (found.size < mostErrors && !found.has(error.field)) found.set(error.field, error)
    }
    if (found.size === mostErrors) break
  }
  throw new GatewayError('validation_failed', { errors: [...found.values()] })
}

/** Removes the null members that their object may leave out, unless null means something else there. */
function withoutNulls(schema: z.core.$ZodType, value: unknown): unknown {
  if (schema instanceof z.ZodOptional) return withoutNulls(schema.unwrap(), value)
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  if (!(schema instanceof z.ZodObject) || !isObject) return value
  const shape: Record<string, z.ZodType> = schema.shape
  const members = Object.entries(value).map(([name, member]) => {
    const field = Object.hasOwn(shape, name) ? shape[name] : undefined
    const isLeftOut = member === null && field?.isOptional() && !field.isNullable()
    return [name, isLeftOut || !field ? member : withoutNulls(field, member), isLeftOut] as const
  })
  return Object.fromEntries(members.filter(([, , isLeftOut]) => !isLeftOut))
}

function formatTypeError(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== 'invalid_type') return undefined
  return isMissing(issue.input)
    ? 'is required'
    : `must be ${article(issue.expected === 'record' ? 'object' : issue.expected)}`
}

function isMissing(value: unknown): boolean {
  return value === undefined || value === null
}

function article(type: string): string {
  return `${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type}`
}

function toFieldErrors(issue: z.core.$ZodIssue): FieldError[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys
      .slice(0, mostErrors)
      .map((field) => ({ field, rule: 'unknown', detail: 'is not known here' }))
  return [{ field: issue.path.join('.') || 'body', ...ruleOf(issue), detail: issue.message }]
}

type BrokenRule = Pick<FieldError, 'rule' | 'limit'>

function ruleOf(issue: z.core.$ZodIssue): BrokenRule {
  if (issue.code === 'invalid_type') return { rule: isMissing(issue.input) ? 'required' : 'type' }
  if (issue.code === 'too_big' && issue.origin === 'string')
    return { rule: 'too_long', limit: Number(issue.maximum) }
  if (issue.code === 'too_small' && issue.origin === 'string')
    return issue.minimum === 1 ? { rule: 'required' } : { rule: 'too_short', limit: Number(issue.minimum) }
  return issue.code === 'custom' && isRule(issue.params) ? issue.params : { rule: 'invalid' }
}

function isRule(params: Record<string, unknown> | undefined): params is BrokenRule {
  return Object.hasOwn(fieldRules, String(params?.rule))
}

/** Returns the options of a refinement whose failure breaks `rule`. The detail completes the name of the field. */
export function breaks(rule: FieldRule, detail: string, limit?: number) {
  return { error: detail, params: { rule, ...(limit !== undefined && { limit }) } satisfies BrokenRule }
}

/** Creates a schema of text that PostgreSQL can store: at most `max` UTF-16 units, no NUL, no lone surrogates. */
export const storableText = (max: number) =>
  z
    .string()
    .max(max, `has more than ${max} characters`)
    .refine(
      (value) => !/\0|\p{Surrogate}/u.test(value),
      breaks('unstorable', 'has a character that cannot be stored'),
    )
