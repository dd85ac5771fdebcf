import { isSubject } from '../authentication/verify-profile.ts'
import { isRoleName } from '../claims/hasura-claims.ts'
import { storableText } from '../http/validate.ts'
import type { ImportedUser } from '../stores/import-target.ts'
import type { Change, Problem, ProblemCode } from './problems.ts'
import type { BadRow, SourceUser } from './read-users.ts'

/** The gateway's rules for imported users. */
export type ImportRules = {
  /** AUTH_DEFAULT_ROLE: every user has it without a row, so the import grants it to no user. */
  defaultRole: string
  /** True when --default-role chose `defaultRole` for this import. */
  isRoleChosen: boolean
  /** True for a program that is not known to have the same ways to sign in: users without one are named. */
  isForeign?: boolean
  /** The roles that may be granted; null or none grants every role, and makes missing ones. */
  knownRoles?: ReadonlySet<string> | null
  /** True imports users with a second factor inactive. */
  inactiveWithSecondFactor: boolean
  /** True imports users inactive whom the source does not let sign in before their address is verified. */
  inactiveUnverified?: boolean
  /** True imports no password. */
  withoutPasswords?: boolean
  /** True imports every e-mail address as unverified. */
  emailsUnverified?: boolean
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
  /** The line or the index of the row in a file. */
  place?: string
  problems: Problem[]
  /** The changes that an import of the user makes. */
  changes: Change[]
}

/** Checks a user of the source against the rules. Pure: the target is not read. */
export function createCandidate(source: SourceUser | BadRow, rules: ImportRules): Candidate {
  if ('fault' in source) return { user: null, problems: [source.fault], changes: [] }
  const { id, email, emailVerified, active, createdAt } = source
  const identities = source.identities.filter(isIdentity)
  const username = chooseUsername(source, identities)
  const problems: Problem[] = []
  const report = (code: ProblemCode, detail: string) =>
    problems.push({ code, userId: id, ...placeOf(source), username: username ?? null, detail })

  const refusal = username === undefined ? null : rules.refuseUsername(username)
  if (username === undefined) report('no_username', 'no username, e-mail address or identity')
  if (refusal !== null) report('invalid_username', refusal)
  if (username === undefined || refusal !== null) return { user: null, problems, changes: [] }

  for (const { code, detail } of source.notes ?? []) report(code, detail)
  for (const identity of source.identities.filter((identity) => !isIdentity(identity))) {
    report('invalid_identity', `${identity.provider} ${identity.subject}`.trim())
  }
  const named = new Set([...source.roles, ...(source.defaultRole === null ? [] : [source.defaultRole])])
  for (const role of [...named].filter((role) => role !== rules.defaultRole)) {
    if (!isRole(role) && source.roles.includes(role)) report('invalid_role', role.slice(0, 40))
    else if (isForeignAdmin(role, rules)) report('admin_role', role)
    else if (isRole(role) && !isKnownRole(role, rules)) report('unknown_role', role)
  }
  const mayHave = (role: string) =>
    role !== rules.defaultRole && isRole(role) && isKnownRole(role, rules) && !isForeignAdmin(role, rules)
  const hash = rules.withoutPasswords ? null : source.password
  const isKnown = hash !== null && rules.isPasswordHash(hash)
  if (hash && !isKnown) report('unknown_hash', describeHash(hash))
  const excess = isKnown ? rules.findExcessiveCost(hash) : null
  if (excess !== null) report('costly_hash', excess)
  const user: ImportedUser = {
    id,
    username,
    password: isKnown && excess === null ? hash : null,
    email,
    emailVerified: email !== null && emailVerified && !rules.emailsUnverified,
    active,
    defaultRole: source.defaultRole !== null && mayHave(source.defaultRole) ? source.defaultRole : null,
    createdAt,
    roles: [...new Set(source.roles)].filter(mayHave),
    identities,
    claims: source.claims ?? {},
  }
  const changes = findChanges(source, user, rules)
  user.active &&= !changes.some(({ code }) => code === 'inactive_chosen')
  const hasHash = problems.some(({ code }) => /_(hash|password)$/.test(code))
  if (rules.isForeign && user.active && user.password === null && identities.length === 0 && !hasHash)
    report('no_sign_in', user.email ?? 'no e-mail address')
  return { user, ...placeOf(source), problems, changes }
}

/**
 * Returns the changes that widen or weaken what the user had. A source without roles, such as a list of addresses, has
 * nothing to compare; an inactive user cannot sign in.
 */
function findChanges(
  source: SourceUser,
  { username, password }: Pick<ImportedUser, 'username' | 'password'>,
  rules: ImportRules,
): Change[] {
  const { id: userId, active, secondFactor, defaultRole: ownDefault } = source
  const { defaultRole, isRoleChosen, inactiveWithSecondFactor } = rules
  const owned = [...source.roles, ...(ownDefault === null ? [] : [ownDefault])]
  const changes: Change[] = []
  const report = (code: Change['code'], detail: string) =>
    changes.push({ code, userId, ...placeOf(source), username, detail })
  if (owned.length > 0 && !owned.includes(defaultRole))
    report(isRoleChosen ? 'role_chosen' : 'role_added', defaultRole)
  if (secondFactor !== null && active)
    report(inactiveWithSecondFactor ? 'inactive_chosen' : 'second_factor_lost', secondFactor)
  if (source.mustVerify && source.email !== null && !source.emailVerified && password !== null && active)
    report(rules.inactiveUnverified ? 'inactive_chosen' : 'unverified_admitted', source.email)
  return changes
}

/** Returns the place of a row of a file as a member; none for another row. */
function placeOf({ place }: Pick<SourceUser, 'place'>): { place?: string } {
  return place === undefined ? {} : { place }
}

/** Returns true for `admin` of a program in which it is not the superuser of Hasura. */
function isForeignAdmin(role: string, { isForeign }: ImportRules): boolean {
  return isForeign === true && role === 'admin'
}

function isKnownRole(role: string, { knownRoles }: ImportRules): boolean {
  return knownRoles?.has(role) ?? true
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
  return provider !== '' && isSubject(subject) && isStorable(provider) && isStorable(subject)
}

function isRole(role: string): boolean {
  return isRoleName(role) && [...role].length <= 255 && isStorable(role)
}

function isStorable(text: string): boolean {
  return storableText(2 * 255).safeParse(text).success
}
