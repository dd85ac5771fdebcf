import type { ImportedUser } from '../stores/import-target.ts'
import type { Problem, ProblemCode } from './problems.ts'
import type { SourceUser } from './read-users.ts'

/** What decides how a user of the source becomes one of ours. */
export type ImportRules = {
  /** The role that everybody has without a row: nobody is granted it. */
  defaultRole: string
  /** Why a name cannot be a username; null when it can. */
  refuseUsername(name: string): string | null
  /** Whether a text is the hash of a password that can be verified here. */
  isPasswordHash(text: string): boolean
}

/** A user who may be imported if the target has room for them. Without `user` there is only the problem. */
export type Candidate = { user: ImportedUser | null; problems: Problem[] }

/** Makes a candidate of a user, as far as that can be told without looking at the target. Pure. */
export function createCandidate(source: SourceUser, rules: ImportRules): Candidate {
  const { id, email, emailVerified, active, createdAt } = source
  const identities = source.identities.filter(isIdentity)
  const username = chooseUsername(source, identities)
  const problems: Problem[] = []
  const report = (code: ProblemCode, detail: string) =>
    problems.push({ code, userId: id, username: username ?? null, detail })

  const refusal = username === undefined ? null : rules.refuseUsername(username)
  if (username === undefined) report('no_username', 'nothing to call this user by')
  if (refusal !== null) report('invalid_username', refusal)
  if (username === undefined || refusal !== null) return { user: null, problems }

  for (const identity of source.identities.filter((identity) => !isIdentity(identity))) {
    report('invalid_identity', `${identity.provider} ${identity.subject}`.trim())
  }
  const roles = new Set(source.roles.filter((role) => role !== rules.defaultRole))
  for (const role of [...roles].filter((role) => !isRole(role))) report('invalid_role', role.slice(0, 40))
  const isKnown = source.password !== null && rules.isPasswordHash(source.password)
  if (source.password && !isKnown) report('unknown_hash', describeHash(source.password))
  const user: ImportedUser = {
    id,
    username,
    password: isKnown ? source.password : null,
    email,
    emailVerified: email !== null && emailVerified,
    active,
    defaultRole: chooseDefaultRole(source, rules),
    createdAt,
    roles: [...roles].filter(isRole),
    identities,
  }
  return { user, problems }
}

function chooseDefaultRole({ defaultRole }: SourceUser, rules: ImportRules): string | null {
  return defaultRole !== null && defaultRole !== rules.defaultRole && isRole(defaultRole) ? defaultRole : null
}

/** A name where there are names; else the e-mail address, which people typed to sign in; else who a provider says it is. */
function chooseUsername(
  { username, email }: SourceUser,
  identities: SourceUser['identities'],
): string | undefined {
  const [first] = identities
  return username ?? (email || (first && `${first.provider}-${first.subject}`))
}

/** The format of a hash, and nothing that could help to break it. */
function describeHash(hash: string): string {
  return /^\$[a-z0-9-]{1,20}\$/.exec(hash)?.[0] ?? `${hash.length} characters`
}

// Some strategies recorded a profile without an id under these names.
function isIdentity({ provider, subject }: SourceUser['identities'][number]): boolean {
  return provider !== '' && !['', 'undefined', 'null'].includes(subject)
}

function isRole(role: string): boolean {
  return role !== '' && [...role].length <= 255
}
