import type { ImportedUser, ImportTarget } from '../stores/import-target.ts'
import { type Candidate, createCandidate, type ImportRules } from './candidate.ts'
import { type Plan, planBatch } from './plan.ts'
import type { ChangeCode, ProblemList } from './problems.ts'
import type { BadRow, SourceUser } from './read-users.ts'

/** The counts of an import. Each user in `read` is in exactly one of the other four counts. */
export type ImportCounts = {
  users: { read: number; imported: number; present: number; anonymous: number; refused: number }
  /** `granted` counts rows of user_role. */
  roles: { created: number; granted: number }
  identities: { linked: number }
}

export type ImportOptions = {
  pages: AsyncIterable<(SourceUser | BadRow)[]>
  target: ImportTarget
  rules: ImportRules
  problems: Pick<ProblemList, 'add'>
  changes: Pick<ProblemList<ChangeCode>, 'add'>
  /** Called after every page with the number of users read so far. */
  onProgress(read: number): void
}

const attempts = 3

// One statement writes a batch and has five seconds. 5000 rows take less than half a second on a busy machine.
const maxRows = 5000

/**
 * Imports users page by page. Each batch is one statement, so a killed import leaves no user in part.
 * The next import continues with the missing users. Throws when other writers win every attempt of a batch.
 */
export async function importUsers({
  pages,
  target,
  rules,
  problems,
  changes,
  onProgress,
}: ImportOptions): Promise<ImportCounts> {
  const counts: ImportCounts = {
    users: { read: 0, imported: 0, present: 0, anonymous: 0, refused: 0 },
    roles: { created: 0, granted: 0 },
    identities: { linked: 0 },
  }
  for await (const page of pages) {
    // An anonymous user has only a refresh token of the old server, which this gateway cannot verify.
    const known = page.filter((row) => !('anonymous' in row && row.anonymous))
    counts.users.read += page.length
    counts.users.anonymous += page.length - known.length
    for (const batch of splitByRows(known.map((user) => createCandidate(user, rules)))) {
      const { plan, written } = await importBatch(batch, target)
      problems.add(plan.problems)
      changes.add(plan.changes)
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

/** Splits candidates into batches of at most `maxRows` rows. A user with more rows is a batch alone. */
function* splitByRows(candidates: readonly Candidate[]): Generator<Candidate[]> {
  let batch: Candidate[] = []
  let rows = 0
  for (const candidate of candidates) {
    const { roles = [], identities = [], claims = {} } = candidate.user ?? {}
    const more = 1 + roles.length + identities.length + Object.keys(claims).length
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

/** Plans and writes a batch. Plans again when a new user takes a name, address or identity before the write. */
async function importBatch(candidates: Candidate[], target: ImportTarget): Promise<Imported> {
  const users = candidates.map(({ user }) => user).filter((user): user is ImportedUser => user !== null)
  for (let attempt = 0; attempt < attempts; attempt++) {
    const plan = planBatch(candidates, await target.read(users))
    if (plan.create.length === 0) return { plan, written: { users: 0, roles: 0, grants: 0, identities: 0 } }
    const written = await target.write(plan.create)
    if (written !== null) return { plan, written }
  }
  throw new Error(
    `Other writers changed the target during each of ${attempts} attempts. Run the import again when there is less traffic.`,
  )
}
