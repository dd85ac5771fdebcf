import * as z from 'zod'
import { parseObject } from './member.ts'

const yes = new Set<unknown>([true, 1, 'true', 't', 'yes', '1'])
const no = new Set<unknown>([false, 0, 'false', 'f', 'no', '0'])

/** Reads a yes or no of a JSON file or a table; undefined when it is missing or empty. */
export function readFlag(value: unknown, context: z.RefinementCtx): boolean | undefined {
  const plain = typeof value === 'string' ? value.trim().toLowerCase() : value
  if (plain === undefined || plain === null || plain === '') return undefined
  if (yes.has(plain)) return true
  if (no.has(plain)) return false
  context.addIssue('is neither true nor false')
  return z.NEVER
}

/** A yes or no of a JSON file or a table. */
export const flag = z.unknown().optional().transform(readFlag)

/** A text of a JSON file or a table, or a number as text; null when it is missing or empty. */
export const text = z
  .union([z.string(), z.number()], 'is not a text')
  .nullish()
  .transform((value) => (value === undefined || value === null || value === '' ? null : String(value)))

/** A required text. */
export const requiredText = text.refine((value): value is string => value !== null, 'is missing')

/** A time as text for PostgreSQL; null when it is missing. Numbers are milliseconds since 1970. */
export const time = z
  .unknown()
  .optional()
  .transform((value, context) => {
    const plain = typeof value === 'object' && value !== null && '$date' in value ? value.$date : value
    if (plain === undefined || plain === null || plain === '') return null
    const date = new Date(typeof plain === 'string' ? parseTime(plain.trim()) : toNumber(plain))
    const year = date.getUTCFullYear()
    if (year >= 1 && year <= 9999) return date.toISOString()
    context.addIssue('is not a time')
    return z.NEVER
  })

function toNumber(value: unknown): number {
  return typeof value === 'number' ? value : Number.NaN
}

/** Parses milliseconds, or the text of a time, which is in UTC unless it has a zone. */
function parseTime(value: string): number {
  if (/^\d{9,15}$/.test(value)) return Number(value)
  const [, day, clock = '00:00:00', zone = 'Z'] =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?))?\s*(Z|UTC|[+-]\d\d(?::?\d\d)?)?$/i.exec(
      value,
    ) ?? []
  // The parser of Node.js takes a 30th of February for the 1st of March.
  const midnight = new Date(`${day}T00:00:00Z`)
  if (day === undefined || Number.isNaN(midnight.getTime()) || !midnight.toISOString().startsWith(day))
    return Number.NaN
  const offset = /^(Z|UTC)$/i.test(zone)
    ? 'Z'
    : zone.replace(/^(...):?(\d\d)?$/, (_, hours, minutes) => `${hours}:${minutes ?? '00'}`)
  return Date.parse(`${day}T${clock.replace(/(\.\d{3})\d+$/, '$1')}${offset}`)
}

/** A list of a JSON file; empty when it is missing. */
export function listOf<T extends z.ZodType>(schema: T) {
  return z
    .array(schema, 'is not a list')
    .nullish()
    .transform((list) => list ?? [])
}

/** A list of which only the length counts. */
export const anyList = listOf(z.unknown())

/**
 * Splits the roles in a cell of a table: `editor,author`, with a semicolon or a bar, as an array of PostgreSQL, or as a list
 * in JSON.
 */
export function splitRoles(cell: string): string[] {
  const list = z.array(z.string()).safeParse(parseObject(cell))
  if (list.success) return list.data
  return cell
    .replace(/^\{(.*)\}$/s, '$1')
    .split(/[,;|]/)
    .map((role) => role.trim().replace(/^"(.*)"$/s, '$1'))
    .filter((role) => role !== '')
}

/** Returns the first reason why a row does not match its schema. */
export function describeFault({ issues: [issue] }: z.ZodError): string {
  const path = issue?.path.join('.') ?? ''
  return `${path === '' ? 'the row' : path} ${issue?.message ?? 'is not valid'}`
}
