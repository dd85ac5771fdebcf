import type { HasuraClaims, SessionVariable } from '../context.ts'

/** The rows from which a user's claims are made. Other programs also write them, so they are checked. */
export type Grants = {
  userId: string
  defaultRole: string | null
  roles: readonly string[]
  /** Name → JSON text. */
  extraClaims: Readonly<Record<string, string>>
}

/** The form of claims: text, as Hasura v2 requires, or JSON of the stored types, as Hasura v3 does. */
export type ClaimsValues = 'text' | 'json'

/** The rules of a deployment for claims. Every active user has `defaultRole`, also without a row. */
export type RoleRules = { defaultRole: string; allowAdmin: boolean; claimsValues?: ClaimsValues }

const reserved = new Set(['role', 'allowed-roles', 'default-role', 'user-id'])
const claimName = /^[a-z0-9][a-z0-9_-]{0,99}$/

/** Returns true for an allowed claim name. The names of user id and roles are reserved: other tables provide them. */
export function isClaimName(name: string): boolean {
  return claimName.test(name) && !reserved.has(name)
}

/**
 * Returns true for a name that `X-Hasura-Role` can carry: no control characters, and no white space at its ends, where
 * HTTP removes it (RFC 9110, section 5.5). Hasura v2 reads other characters as UTF-8.
 */
export function isRoleName(name: string): boolean {
  return name !== '' && !/\p{Cc}/u.test(name) && name.trim() === name
}

/** Creates the claims of a user. Pure; any input gives claims that Hasura accepts. */
export function createHasuraClaims(grants: Grants, rules: RoleRules): HasuraClaims {
  const leftOut: string[] = []
  const mayBe = (role: string): boolean => {
    if (isRoleName(role) && (role !== 'admin' || rules.allowAdmin)) return true
    leftOut.push(`role ${JSON.stringify(role)}`)
    return false
  }
  const roles = grants.roles.filter(mayBe)
  const defaultRole =
    grants.defaultRole !== null && mayBe(grants.defaultRole) ? grants.defaultRole : rules.defaultRole
  return {
    userId: grants.userId,
    allowedRoles: [...new Set([...roles, rules.defaultRole, defaultRole])].sort(),
    defaultRole,
    extra: createExtraClaims(grants.extraClaims, rules.claimsValues ?? 'text', leftOut),
    leftOut,
  }
}

/** The token member of Hasura's claims, and its format (Hasura's `claims_namespace` and `claims_format`). */
export type NamespaceSettings = { claimsNamespace: string; claimsFormat: 'json' | 'stringified_json' }

/** Returns the token member from which Hasura reads its claims. */
export function createNamespace(
  { userId, allowedRoles, defaultRole, extra }: HasuraClaims,
  { claimsNamespace, claimsFormat }: NamespaceSettings,
): Record<string, unknown> {
  const members: Record<string, SessionVariable> = {
    ...extra,
    'x-hasura-allowed-roles': allowedRoles,
    'x-hasura-default-role': defaultRole,
    'x-hasura-user-id': userId,
  }
  return { [claimsNamespace]: claimsFormat === 'json' ? members : JSON.stringify(members) }
}

function createExtraClaims(
  claims: Grants['extraClaims'],
  values: ClaimsValues,
  leftOut: string[],
): HasuraClaims['extra'] {
  const extra: HasuraClaims['extra'] = {}
  for (const name of Object.keys(claims).sort()) {
    const value = createSessionVariable(claims[name] ?? 'null', values)
    if (value === null) continue
    if (isClaimName(name) && value !== undefined) extra[`x-hasura-${name}`] = value
    else leftOut.push(`claim ${JSON.stringify(name)}`)
  }
  return extra
}

/**
 * Returns the session variable of a claim in JSON: null for null, and undefined for an array whose text PostgreSQL cannot
 * read. As text, arrays are in PostgreSQL's format, and objects are JSON.
 */
export function createSessionVariable(
  json: string,
  values: ClaimsValues,
): SessionVariable | null | undefined {
  if (values === 'json') return parseNumbers(json, (number) => (isExact(number) ? number : `"${number}"`))
  const value = parseClaim(json)
  return isArrayText(value) ? toSessionVariable(value) : undefined
}

const text = /"(?:[^"\\]|\\.)*"/g
const textOrNumber = new RegExp(`${text.source}|-?\\d[\\d.]*(?:e[+-]?\\d+)?`, 'gi')

/**
 * Parses the JSON of a claim. Numbers stay text, because JavaScript rounds numbers of more than 15 digits; inside an
 * object they are numbers.
 */
function parseClaim(json: string): unknown {
  const hasObject = json.replaceAll(text, '').includes('{')
  return hasObject ? JSON.parse(json) : parseNumbers(json, (number) => `"${number}"`)
}

/** Parses JSON in which `replace` has replaced the text of every number. */
function parseNumbers(json: string, replace: (number: string) => string) {
  return JSON.parse(json.replaceAll(textOrNumber, (part) => (part.startsWith('"') ? part : replace(part))))
}

/** Returns true for a number that every reader of JSON keeps: at most 15 digits, or a safe integer (RFC 8259, section 6). */
function isExact(number: string): boolean {
  const isInteger = /^-?\d+$/.test(number)
  return number.replace(/\D/g, '').length <= 15 || (isInteger && Number.isSafeInteger(Number(number)))
}

// The most dimensions of an array in PostgreSQL.
const maxDimensions = 6

/**
 * Returns true for a value whose text PostgreSQL reads, if it is an array: each array inside it has the same size as its
 * neighbours, no array stands beside another value, and no array is nested more than six deep.
 */
function isArrayText(value: unknown): boolean {
  const sizes = sizesOf(value)
  return sizes !== null && sizes.length <= maxDimensions
}

/** Returns the size of each dimension of an array, none for another value; null when the sizes differ. */
function sizesOf(value: unknown): number[] | null {
  if (!Array.isArray(value)) return []
  const inner = value.map(sizesOf)
  const [first = []] = inner
  const isEven = first !== null && inner.every((sizes) => String(sizes) === String(first))
  return isEven ? [value.length, ...first] : null
}

/** Returns the text of a session variable: arrays in PostgreSQL's format, objects as JSON; null for a missing value. */
function toSessionVariable(value: unknown): string | null {
  if (value === null || value === undefined) return null
  if (Array.isArray(value)) return `{${value.map(toArrayElement).join(',')}}`
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function toArrayElement(value: unknown): string {
  if (value === null || value === undefined) return 'NULL'
  if (Array.isArray(value)) return `{${value.map(toArrayElement).join(',')}}`
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
  const isPlain = /^[^\s{}",\\]+$/.test(text) && !/^null$/i.test(text)
  return isPlain ? text : `"${text.replace(/["\\]/g, '\\$&')}"`
}
