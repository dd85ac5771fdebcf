import type { HasuraClaims } from '../context.ts'

/** The rows from which a user's claims are made. Other programs also write them, so they are checked. */
export type Grants = {
  userId: string
  defaultRole: string | null
  roles: readonly string[]
  extraClaims: Readonly<Record<string, unknown>>
}

/** The role rules of a deployment. Every active user has `defaultRole`, also without a row. */
export type RoleRules = { defaultRole: string; allowAdmin: boolean }

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
    extra: createExtraClaims(grants.extraClaims, leftOut),
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
  const members: Record<string, string | string[]> = {
    ...extra,
    'x-hasura-allowed-roles': allowedRoles,
    'x-hasura-default-role': defaultRole,
    'x-hasura-user-id': userId,
  }
  return { [claimsNamespace]: claimsFormat === 'json' ? members : JSON.stringify(members) }
}

function createExtraClaims(
  claims: Readonly<Record<string, unknown>>,
  leftOut: string[],
): Record<string, string> {
  const extra: Record<string, string> = {}
  for (const name of Object.keys(claims).sort()) {
    const value = toSessionVariable(claims[name])
    if (value === null) continue
    if (isClaimName(name) && isArrayText(claims[name])) extra[`x-hasura-${name}`] = value
    else leftOut.push(`claim ${JSON.stringify(name)}`)
  }
  return extra
}

// The most dimensions of an array in PostgreSQL.
const maxDimensions = 6

/**
 * Returns true for a value whose text PostgreSQL reads, if it is an array: each array inside it has the same size as its
 * neighbours, no array stands beside another value, and no array is nested more than six deep.
 */
export function isArrayText(value: unknown): boolean {
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
export function toSessionVariable(value: unknown): string | null {
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
