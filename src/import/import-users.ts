import type { ImportedUser, ImportTarget } from '../stores/import-target.ts'
import { type Candidate, createCandidate, type ImportRules } from './candidate.ts'
import { type Plan, planBatch } from './plan.ts'
import type { ProblemList } from './problems.ts'
import type { SourceUser } from './read-users.ts'

/** What an import came to. Every user that was read is in exactly one of the four others. */
export type ImportCounts = {
  users: { read: number; imported: number; present: number; anonymous: number; refused: number }
  /** `granted` counts pairs of user and role. */
  roles: { created: number; granted: number }
  identities: { linked: number }
}

export type ImportOptions = {
  pages: AsyncIterable<SourceUser[]>
  target: ImportTarget
  rules: ImportRules
  problems: Pick<ProblemList, 'add'>
  /** Hears after every page how many users have been read. */
  onProgress(read: number): void
}

const attempts = 3

// In one statement, which has five seconds: these take less than half a second on a busy machine.
const maxRows = 5000

/**
 * Imports page after page. Whenever this is killed, a user is there with everything or not at all, and the next import
 * goes on from there.
 */
export async function importUsers({
  pages,
  target,
  rules,
  problems,
  onProgress,
}: ImportOptions): Promise<ImportCounts> {
  const counts: ImportCounts = {
    users: { read: 0, imported: 0, present: 0, anonymous: 0, refused: 0 },
    roles: { created: 0, granted: 0 },
    identities: { linked: 0 },
  }
  for await (const page of pages) {
    // They had nothing but a refresh token of the old server, which is of no use here.
    const known = page.filter(({ anonymous }) => !anonymous)
    counts.users.read += page.length
    counts.users.anonymous += page.length - known.length
    for (const batch of splitByRows(known.map((user) => createCandidate(user, rules)))) {
      const { plan, written } = await importBatch(batch, target)
      problems.add(plan.problems)
      counts.users.imported += written.users
      counts.users.present += plan.present
      counts.users.refused += plan.refused
      counts.roles.created += written.roles
      counts.roles.granted += written.grants
      counts.identities.linked += written.identities
    }
    onProgress(counts.users.read)
  }
  return counts
}

/** Users may have any number of roles: a batch ends before it comes to more than `maxRows` rows. */
function* splitByRows(candidates: readonly Candidate[]): Generator<Candidate[]> {
  let batch: Candidate[] = []
  let rows = 0
  for (const candidate of candidates) {
    const { roles = [], identities = [] } = candidate.user ?? {}
    const more = 1 + roles.length + identities.length
    if (batch.length > 0 && rows + more > maxRows) {
      yield batch
      batch = []
      rows = 0
    }
    batch.push(candidate)
    rows += more
  }
  if (batch.length > 0) yield batch
}

type Imported = { plan: Plan; written: NonNullable<Awaited<ReturnType<ImportTarget['write']>>> }

/** Plans and writes; when somebody signs up in between with what was free, it plans again. */
async function importBatch(candidates: Candidate[], target: ImportTarget): Promise<Imported> {
  const users = candidates.map(({ user }) => user).filter((user): user is ImportedUser => user !== null)
  for (let attempt = 0; attempt < attempts; attempt++) {
    const plan = planBatch(candidates, await target.read(users))
    if (plan.create.length === 0) return { plan, written: { users: 0, roles: 0, grants: 0, identities: 0 } }
    const written = await target.write(plan.create)
    if (written !== null) return { plan, written }
  }
  throw new Error('Others keep changing the users that are being imported. Run it again when it is quieter.')
}
