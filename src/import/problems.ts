/** The closed table of import problems: code → result and reason. */
const table = {
  invalid_row: 'left out: the row of the file cannot be read',
  duplicate_id: 'left out: an earlier row of the file is the same user',
  no_username: 'left out: neither a username nor an e-mail address nor a provider identity',
  invalid_username: 'left out: the username is not valid here',
  username_taken: 'left out: another user has this username',
  unknown_hash: 'imported without a password: the hash has no known format',
  costly_hash: 'imported without a password: the hash costs more than the gateway verifies',
  temporary_password: 'imported without a password: the user had to choose a new one at the next sign-in',
  no_sign_in: 'imported, but cannot sign in: neither a password nor a provider identity',
  invalid_email: 'imported without an e-mail address: it is not an address',
  email_taken: 'imported with an unverified e-mail address: another user has verified it',
  identity_taken: 'imported without a provider identity: another user has it',
  invalid_identity: 'imported without a provider identity: its provider or subject is missing',
  invalid_role:
    'imported without a role: its name is empty, has more than 255 characters, or one that no X-Hasura-Role header can carry',
  unknown_role:
    'imported without a role: it does not exist here. Cure: claimgate role create, or --create-roles, before the import',
  admin_role:
    'imported without the role admin, which is the superuser of Hasura. Cure: claimgate role grant, after the import',
  invalid_claim: 'imported without a claim: the value cannot be a session variable',
} as const satisfies Record<string, string>

/**
 * The closed table of changes that widen or weaken what a user had: code → result and cure. The options of the import
 * choose the codes that end in `_chosen`.
 */
const changes = {
  role_added:
    'imported, and gets this role in addition: every active user has AUTH_DEFAULT_ROLE. Cure: --default-role with a role that no permission of Hasura names',
  role_chosen: 'imported, and gets the role of --default-role in addition',
  second_factor_lost:
    'imported without the second factor: the password alone signs in. Cure: --inactive-with-second-factor',
  unverified_admitted:
    'imported, and signs in with an unverified e-mail address, which the source rejects by default. Cure: --inactive-unverified',
  inactive_chosen: 'imported inactive, because of a second factor or an unverified e-mail address',
} as const satisfies Record<string, string>

export type ProblemCode = keyof typeof table
export type ChangeCode = keyof typeof changes

/** A problem with one user of the source. `detail` has the name, role or identity. */
export type Problem<Code = ProblemCode> = {
  code: Code
  /** The id here; null for a row that cannot be read. */
  userId: string | null
  /** The line or the index of the row in a file. */
  place?: string
  username: string | null
  detail: string
}

/** A change of what a user had at the source. `detail` has the role or the factor. */
export type Change = Problem<ChangeCode>

/** The result of each problem as text, for the report. */
export const problemTable: Readonly<Record<ProblemCode, string>> = table

/** The result of each change as text, for the report. */
export const changeTable: Readonly<Record<ChangeCode, string>> = changes

/** The problems or changes of an import: all are counted, and the first ones are kept. */
export type ProblemSummary<Code extends string> = {
  total: number
  counts: Partial<Record<Code, number>>
  kept: readonly Problem<Code>[]
}

/** Returns true when a user was widened or weakened without an option that chose it. */
export function hasUnchosen({ counts }: ProblemSummary<ChangeCode>): boolean {
  return Object.keys(counts).some((code) => !code.endsWith('_chosen'))
}

export type ProblemList<Code extends string = ProblemCode> = ReturnType<typeof createProblemList<Code>>

// In characters: a name or a role has at most 255.
const longest = 300

/** Shortens a text of a source for the report. */
export function shorten(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text
}

/** Collects problems or changes: counts all and keeps the first `limit`, with shortened texts. */
export function createProblemList<Code extends string = ProblemCode>(limit: number) {
  const kept: Problem<Code>[] = []
  const counts: Partial<Record<Code, number>> = {}
  let total = 0
  return {
    add(problems: readonly Problem<Code>[]): void {
      for (const problem of problems) {
        total += 1
        counts[problem.code] = (counts[problem.code] ?? 0) + 1
        if (kept.length >= limit) continue
        const { username, detail } = problem
        kept.push({
          ...problem,
          username: username === null ? null : shorten(username, longest),
          detail: shorten(detail, longest),
        })
      }
    },
    summary: (): ProblemSummary<Code> => ({ total, counts, kept }),
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

const exitCodes = { usage: 64, layout: 65, file: 66, unreachable: 69, sameDatabase: 78 } as const
