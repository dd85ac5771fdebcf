import * as z from 'zod'
import { isRoleName } from './hasura-claims.ts'

/** The claim of an OpenID provider that has the groups or roles of a user, and the roles that its values give. */
export type RoleMapping = {
  /** The name of the claim, or the path to it: `realm_access.roles`. */
  claim: string
  /** The roles of each value. Undefined: a value gives the role of its name. */
  roles?: ReadonlyMap<string, readonly string[]>
}

/** The claims of an ID token or of userinfo. */
type Claims = Readonly<Record<string, unknown>>

/** The roles that a sign-in gives, or the reason why they are unknown. */
export type RolesOfSignIn = { roles: string[] } | { incomplete: 'overage' | 'malformed' }

/** The greatest number of values in the claim. */
const mostValues = 2000

const values = z.union([z.string().transform((value) => [value]), z.array(z.string()).max(mostValues)])

/** Reads the roles that the claims of a sign-in give. They need not exist. A missing claim gives none. */
export function readRoles(claims: Claims, { claim, roles }: RoleMapping, allowAdmin: boolean): RolesOfSignIn {
  if (isElsewhere(claims, claim)) return { incomplete: 'overage' }
  const found = values.safeParse(findClaim(claims, claim)?.value ?? [])
  if (!found.success) return { incomplete: 'malformed' }
  const given = roles
    ? found.data.flatMap((value) => roles.get(value) ?? [])
    : found.data.filter((value) => value !== 'admin' && value.length <= 255)
  const counts = (role: string) => isRoleName(role) && (role !== 'admin' || allowAdmin)
  return { roles: [...new Set(given.filter(counts))] }
}

/** Returns true when the claims have the groups or roles, or say that these are too many. */
export function hasRoles(claims: Claims, { claim }: RoleMapping): boolean {
  return findClaim(claims, claim) !== null || isElsewhere(claims, claim)
}

/** Returns the member of userinfo with the groups or roles, alone; an empty object without one. */
export function pickRoles(userinfo: Claims, { claim }: RoleMapping): Claims {
  const member = findClaim(userinfo, claim)?.member
  return member === undefined ? {} : { [member]: userinfo[member] }
}

/**
 * Finds a claim by its name, else by its path. The names in a path may have dots, as client ids of Keycloak do. Returns
 * null for a claim that is missing or null.
 */
function findClaim(claims: unknown, path: string): { member: string; value: unknown } | null {
  if (typeof claims !== 'object' || claims === null) return null
  const memberOf = (name: string) => (Object.hasOwn(claims, name) ? (claims as Claims)[name] : undefined)
  const own = memberOf(path) ?? null
  if (own !== null) return { member: path, value: own }
  for (let dot = path.indexOf('.'); dot !== -1; dot = path.indexOf('.', dot + 1)) {
    const member = path.slice(0, dot)
    const inner = findClaim(memberOf(member), path.slice(dot + 1))
    if (inner !== null) return { member, value: inner.value }
  }
  return null
}

/**
 * Returns true for the marker of a claim that was too long for the token: an aggregated or distributed claim (OpenID
 * Connect Core, section 5.6.2), or `hasgroups` of Entra ID.
 */
function isElsewhere(claims: Claims, path: string): boolean {
  const [first = path] = path.split('.')
  const names = claims._claim_names
  const isNamed = (name: string) => typeof names === 'object' && names !== null && Object.hasOwn(names, name)
  if (isNamed(path) || isNamed(first)) return true
  return first === 'groups' && [true, 'true'].includes(claims.hasgroups as boolean | string)
}
