import { type ClaimsValues, createSessionVariable } from './hasura-claims.ts'

/** The reason why an array cannot be the value of a claim. */
export const unreadableArray =
  'is an array that PostgreSQL cannot read: arrays inside it must have the same size, no other value beside them, and at most six levels'

/** Returns false for a NUL or half of a surrogate pair: valid JSON that PostgreSQL cannot store. */
export function isStorableJson(json: string): boolean {
  const escapes = json.match(/\\(?:u[\da-f]{4}|.)/g) ?? []
  return !escapes.some((each) => /^\\u(0000|d)/.test(each))
}

// The same as for a claim of the command line.
const longestClaim = 10_000

/** Returns the reason why a value of a JSON file cannot be the value of a claim; null for a good one. */
export function findClaimFault(value: unknown, values: ClaimsValues): string | null {
  try {
    const json = JSON.stringify(value)
    if (json.length > longestClaim) return `has more than ${longestClaim} characters`
    if (!isStorableJson(json)) return 'has a character that cannot be stored'
    if (hasRoundedNumber(value)) return 'has a number of more than 15 digits'
    return createSessionVariable(json, values) === undefined ? unreadableArray : null
  } catch (error) {
    // A recursive function ran out of stack.
    if (error instanceof RangeError) return 'is nested too deeply'
    throw error
  }
}

/** Returns true for a number that the parser of JSON may have rounded. */
function hasRoundedNumber(value: unknown): boolean {
  if (typeof value === 'number') return Math.abs(value) > Number.MAX_SAFE_INTEGER
  return typeof value === 'object' && value !== null && Object.values(value).some(hasRoundedNumber)
}
