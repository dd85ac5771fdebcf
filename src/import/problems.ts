/** Everything that can keep a user, or a part of one, from being imported: code → what becomes of it. */
const table = {
  no_username: 'left out: neither a username nor an e-mail address nor a provider identity',
  invalid_username: 'left out: this cannot be a username',
  username_taken: 'left out: another user has this username',
  unknown_hash: 'imported without a password: the hash is neither bcrypt nor argon2id',
  email_taken: 'imported with an unverified e-mail address: another user has proven that it is theirs',
  identity_taken: 'imported without a provider identity: another user has it',
  invalid_identity: 'imported without a provider identity: it names nobody',
  invalid_role: 'imported without a role: it has no name, or one of more than 255 characters',
} as const satisfies Record<string, string>

export type ProblemCode = keyof typeof table

/** What could not be imported of one user. `detail` says which name, role or identity. */
export type Problem = { code: ProblemCode; userId: string; username: string | null; detail: string }

/** What becomes of the users that have a problem, in words. */
export const problemTable: Readonly<Record<ProblemCode, string>> = table

export type ProblemList = ReturnType<typeof createProblemList>

/** Collects problems: it counts all of them and keeps the first `limit`. */
export function createProblemList(limit: number) {
  const kept: Problem[] = []
  const counts: Partial<Record<ProblemCode, number>> = {}
  let total = 0
  return {
    add(problems: readonly Problem[]): void {
      for (const problem of problems) {
        total += 1
        counts[problem.code] = (counts[problem.code] ?? 0) + 1
        if (kept.length < limit) kept.push(problem)
      }
    },
    summary: () => ({ total, counts, kept }),
  }
}

/** Why an import ended before its time. `exitCode` is the number of that reason in sysexits.h. */
export class ImportError extends Error {
  readonly exitCode: number

  constructor(reason: keyof typeof exitCodes, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'ImportError'
    this.exitCode = exitCodes[reason]
  }
}

const exitCodes = { usage: 64, layout: 65, unreachable: 69, sameDatabase: 78 } as const
