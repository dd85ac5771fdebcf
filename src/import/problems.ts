/** The closed table of import problems: code → result and reason. */
const table = {
  no_username: 'left out: neither a username nor an e-mail address nor a provider identity',
  invalid_username: 'left out: the username is not valid here',
  username_taken: 'left out: another user has this username',
  unknown_hash: 'imported without a password: the hash has no known format',
  costly_hash: 'imported without a password: the hash costs more than the gateway verifies',
  email_taken: 'imported with an unverified e-mail address: another user has verified it',
  identity_taken: 'imported without a provider identity: another user has it',
  invalid_identity: 'imported without a provider identity: its provider or subject is missing',
  invalid_role:
    'imported without a role: its name is empty, has more than 255 characters, or one that no X-Hasura-Role header can carry',
} as const satisfies Record<string, string>

export type ProblemCode = keyof typeof table

/** A problem with one user of the source. `detail` has the name, role or identity. */
export type Problem = { code: ProblemCode; userId: string; username: string | null; detail: string }

/** The result of each problem as text, for the report. */
export const problemTable: Readonly<Record<ProblemCode, string>> = table

export type ProblemList = ReturnType<typeof createProblemList>

/** Collects problems: counts all and keeps the first `limit`. */
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

/** The reason why an import stopped. `exitCode` is the number of the reason in sysexits.h. */
export class ImportError extends Error {
  readonly exitCode: number

  constructor(reason: keyof typeof exitCodes, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'ImportError'
    this.exitCode = exitCodes[reason]
  }
}

const exitCodes = { usage: 64, layout: 65, unreachable: 69, sameDatabase: 78 } as const
