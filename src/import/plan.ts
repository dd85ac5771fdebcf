import type { IdentityOwner, ImportedUser, Standing } from '../stores/import-target.ts'
import type { Candidate } from './candidate.ts'
import type { Change, Problem, ProblemCode } from './problems.ts'

/** The state of the target: a standing for each candidate, and the owners of the candidates' identities. */
export type Found = { standings: ReadonlyMap<string, Standing>; owners: readonly IdentityOwner[] }

/** The users of a batch to create with their changes, and the problems of all its users. */
export type Plan = {
  create: ImportedUser[]
  present: number
  refused: number
  problems: Problem[]
  changes: Change[]
}

/**
 * Plans a batch. A user whose id exists in the target stays unchanged, roles and password included. Of two new users
 * with the same name, address or identity, the first one keeps it. Pure.
 */
export function planBatch(candidates: readonly Candidate[], { standings, owners }: Found): Plan {
  const plan: Plan = { create: [], present: 0, refused: 0, problems: [], changes: [] }
  const names = new Map<string, string>()
  const addresses = new Map<string, string>()
  const identities = new Map(owners.map((owner) => [identityKey(owner), owner.owner]))

  for (const { user, place, problems, changes } of candidates) {
    if (user === null) {
      plan.refused += 1
      plan.problems.push(...problems)
      continue
    }
    const standing = standings.get(user.id)
    if (standing === undefined) throw new Error(`the target returned no standing for the user ${user.id}`)
    const { isPresent, hasPassword, usernameKey, emailKey, usernameOwner, emailOwner } = standing
    const report = (code: ProblemCode, detail: string) =>
      plan.problems.push({ code, userId: user.id, ...(place && { place }), username: user.username, detail })
    const isTaken = (owner: string | undefined | null) => (owner ?? user.id) !== user.id

    const nameOwner = usernameOwner ?? names.get(usernameKey)
    if (!isPresent && isTaken(nameOwner)) {
      plan.refused += 1
      report('username_taken', `by ${nameOwner}`)
      continue
    }
    const isSolved = (code: ProblemCode) =>
      (hasPassword && /_(hash|password)$/.test(code)) || (isPresent && code === 'no_sign_in')
    plan.problems.push(...problems.filter(({ code }) => !isSolved(code)))

    const addressOwner = emailKey === null ? null : (emailOwner ?? addresses.get(emailKey))
    const isAddressTaken = user.emailVerified && isTaken(addressOwner)
    if (isAddressTaken) report('email_taken', `${user.email} by ${addressOwner}`)

    const linked = user.identities.filter((identity) => {
      const owner = identities.get(identityKey(identity))
      if (isTaken(owner)) report('identity_taken', `${identity.provider} ${identity.subject} by ${owner}`)
      return owner === undefined
    })

    if (isPresent) {
      plan.present += 1
      continue
    }
    names.set(usernameKey, user.id)
    plan.changes.push(...changes)
    const emailVerified = user.emailVerified && !isAddressTaken
    if (emailVerified && emailKey !== null) addresses.set(emailKey, user.id)
    for (const identity of linked) identities.set(identityKey(identity), user.id)
    plan.create.push({ ...user, emailVerified, identities: linked })
  }
  return plan
}

function identityKey({ provider, subject }: { provider: string; subject: string }): string {
  return JSON.stringify([provider, subject])
}
