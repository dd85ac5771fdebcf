import { isSubject } from '../authentication/verify-profile.ts'
import { isRoleName } from '../claims/hasura-claims.ts'
import type { ImportedUser } from '../stores/import-target.ts'
import type { Change, Problem, ProblemCode } from './problems.ts'
import type { SourceUser } from './read-users.ts'

/** The gateway's rules for imported users. */
export type ImportRules = {
  /** AUTH_DEFAULT_ROLE: every user has it without a row, so the import grants it to no user. */
  defaultRole: string
  /** True when --default-role chose `defaultRole` for this import. */
  isRoleChosen: boolean
  /** True imports users with a second factor inactive. */
  inactiveWithSecondFactor: boolean
  /** Returns the reason why a name cannot be a username; null for a valid name. */
  refuseUsername(name: string): string | null
  /** Returns true for a password hash of a known format. */
  isPasswordHash(text: string): boolean
  /** Returns the cost for which the gateway does not verify a hash, as text; null for a bounded cost. */
  findExcessiveCost(hash: string): string | null
}

/** A user to import, unless the target has a conflict. `user` is null when the source alone rules out an import. */
export type Candidate = {
  user: ImportedUser | null
  problems: Problem[]
  /** The changes that an import of the user makes. */
  changes: Change[]
}

/** Checks a user of the source against the rules. Pure: the target is not read. */
export function createCandidate(source: SourceUser, rules: ImportRules): Candidate {
  const { id, email, emailVerified, active, createdAt } = source
  const identities = source.identities.filter(isIdentity)
  const username = chooseUsername(source, identities)
  const problems: Problem[] = []
  const report = (code: ProblemCode, detail: string) =>
    problems.push({ code, userId: id, username: username ?? null, detail })

  const refusal = username === undefined ? null : rules.refuseUsername(username)
  if (username === undefined) report('no_username', 'no username, e-mail address or identity')
  if (refusal !== null) report('invalid_username', refusal)
  if (username === undefined || refusal !== null) return { user: null, problems, changes: [] }

  for (const identity of source.identities.filter((identity) => !isIdentity(identity))) {
    report('invalid_identity', `${identity.provider} ${identity.subject}`.trim())
  }
  const roles = new Set(source.roles.filter((role) => role !== rules.defaultRole))
  for (const role of [...roles].filter((role) => !isRole(role))) report('invalid_role', role.slice(0, 40))
  const isKnown = source.password !== null && rules.isPasswordHash(source.password)
  if (source.password && !isKnown) report('unknown_hash', describeHash(source.password))
  const excess = isKnown && source.password !== null ? rules.findExcessiveCost(source.password) : null
  if (excess !== null) report('costly_hash', excess)
  const user: ImportedUser = {
    id,
    username,
    password: isKnown && excess === null ? source.password : null,
    email,
    emailVerified: email !== null && emailVerified,
    active: active && !(rules.inactiveWithSecondFactor && source.secondFactor !== null),
    defaultRole: chooseDefaultRole(source, rules),
    createdAt,
    roles: [...roles].filter(isRole),
    identities,
  }
  return { user, problems, changes: findChanges(source, username, rules) }
}

/**
 * Returns the changes that widen or weaken what the user had. A source without roles, such as a list of addresses, has
 * nothing to compare; an inactive user cannot sign in.
 */
function findChanges(source: SourceUser, username: string, rules: ImportRules): Change[] {
  const { id: userId, active, secondFactor, defaultRole: ownDefault } = source
  const { defaultRole, isRoleChosen, inactiveWithSecondFactor } = rules
  const owned = [...source.roles, ...(ownDefault === null ? [] : [ownDefault])]
  const changes: Change[] = []
  const report = (code: Change['code'], detail: string) => changes.push({ code, userId, username, detail })
  if (owned.length > 0 && !owned.includes(defaultRole))
    report(isRoleChosen ? 'role_chosen' : 'role_added', defaultRole)
  if (secondFactor !== null && active)
    report(inactiveWithSecondFactor ? 'inactive_chosen' : 'second_factor_lost', secondFactor)
  return changes
}

function chooseDefaultRole({ defaultRole }: SourceUser, rules: ImportRules): string | null {
  return defaultRole !== null && defaultRole !== rules.defaultRole && isRole(defaultRole) ? defaultRole : null
}

/** Returns the username; else the e-mail address, which users typed to sign in; else provider and subject. */
function chooseUsername(
  { username, email }: SourceUser,
  identities: SourceUser['identities'],
): string | undefined {
  const [first] = identities
  return username ?? (email || (first && `${first.provider}-${first.subject}`))
}

/** Returns the format of a hash for the report, without salt and digest. */
function describeHash(hash: string): string {
  return /^\$[a-z0-9-]{1,20}\$/.exec(hash)?.[0] ?? `${hash.length} characters`
}

function isIdentity({ provider, subject }: SourceUser['identities'][number]): boolean {
  return provider !== '' && isSubject(subject)
}

function isRole(role: string): boolean {
  return isRoleName(role) && [...role].length <= 255
}
