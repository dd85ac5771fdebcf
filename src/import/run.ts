import { findExcessiveCost, isPasswordHash } from '../authentication/password-hash-format.ts'
import { usernameSchema } from '../authentication/username.ts'
import type { Config } from '../config/config.ts'
import { role } from '../config/values.ts'
import type { Database } from '../database/database.ts'
import { createImportTarget, type ImportTarget, rehearse } from '../stores/import-target.ts'
import type { ImportRules } from './candidate.ts'
import { type ImportCounts, importUsers } from './import-users.ts'
import { checkSource, type OpenUsers, type SourceChoices } from './open-users.ts'
import {
  type ChangeCode,
  createProblemList,
  ImportError,
  type ProblemCode,
  type ProblemSummary,
} from './problems.ts'
import { createProgress, type ProgressStream } from './progress.ts'

/** The dependencies of an import. */
export type ImportDeps = {
  /** Reads the configuration. Throws ConfigError. */
  parseConfig(): Config | Promise<Config>
  /** Opens the gateway's database and migrates it. A dry run (`isReading`) applies no migrations. */
  openTarget(config: Config, isReading: boolean): Promise<{ database: Database; close(): Promise<void> }>
  stderr: ProgressStream
  /** Users read at a time; 1000 by default. */
  pageSize?: number
  /** Returns now in milliseconds. */
  now?: () => number
}

/** The result of an import, as `--json` prints it. */
export type ImportReport = ImportCounts & {
  source: string
  dryRun: boolean
  /** Remarks on the source, such as what it does not have. */
  remarks: string[]
  /** The role that every active user is to have: AUTH_DEFAULT_ROLE of the gateway. */
  defaultRole: string
  /** False when `defaultRole` is not the AUTH_DEFAULT_ROLE of this configuration. */
  isDefaultRoleSet: boolean
  /** `kept` has the first 50. */
  problems: ProblemSummary<ProblemCode>
  /** The gains and losses of users against the source. `kept` has the first 50. */
  changes: ProblemSummary<ChangeCode>
}

/** The choices of an import. */
export type ImportChoices = SourceChoices & {
  dryRun?: boolean
  /** The role that every active user will have, in place of AUTH_DEFAULT_ROLE. */
  defaultRole?: string
  /** True imports users with a second factor inactive. */
  inactiveWithSecondFactor?: boolean
  /** True imports users inactive whose unverified address kept them from a sign-in. */
  inactiveUnverified?: boolean
  /** True imports every e-mail address as unverified. */
  emailsUnverified?: boolean
}

const keptProblems = 50

/**
 * Imports all users from a database or a file. `choices.dryRun` returns the same report and rolls every write back. Throws
 * ImportError, ConfigError and the errors of the target.
 */
export async function runImport(
  name: string,
  from: string,
  choices: ImportChoices,
  deps: ImportDeps,
): Promise<ImportReport> {
  const checked = checkSource(name, from, choices)
  const config = await deps.parseConfig()
  const { dryRun = false } = choices
  const rules = rulesOf(config, choices)
  const source = await checked.open(config, (deps.now ?? Date.now)())
  try {
    const target = await deps.openTarget(config, dryRun)
    try {
      const progress = createProgress(deps.stderr, await source.count())
      const problems = createProblemList(keptProblems)
      const changes = createProblemList<ChangeCode>(keptProblems)
      const work = async (importTarget: ImportTarget): Promise<ImportCounts> =>
        importUsers({
          pages: source.pages(deps.pageSize ?? 1000),
          target: importTarget,
          rules: {
            ...rules,
            isForeign: source.isForeign,
            knownRoles: await findKnownRoles(source, importTarget, choices),
          },
          problems,
          changes,
          onProgress: progress.update,
        })
      const counts = await (dryRun
        ? rehearse(target.database, work)
        : work(createImportTarget(target.database.query))
      ).finally(progress.end)
      return {
        source: name,
        dryRun,
        remarks: source.remarks,
        defaultRole: rules.defaultRole,
        isDefaultRoleSet: rules.defaultRole === config.roles.defaultRole,
        ...counts,
        problems: problems.summary(),
        changes: changes.summary(),
      }
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
}

/** Returns the roles that may be granted; null for all. */
async function findKnownRoles(
  { isForeign }: OpenUsers,
  target: ImportTarget,
  { createRoles }: ImportChoices,
): Promise<Set<string> | null> {
  return isForeign && createRoles !== true ? target.readRoles() : null
}

/** Throws ImportError `usage` for a default role that AUTH_DEFAULT_ROLE cannot have. */
function rulesOf({ roles }: Config, choices: ImportChoices): Omit<ImportRules, 'knownRoles'> {
  const { defaultRole, inactiveWithSecondFactor, inactiveUnverified, withoutPasswords, emailsUnverified } =
    choices
  const chosen = defaultRole ?? roles.defaultRole
  const problem = role(chosen, roles.allowAdmin).safeParse(chosen).error?.issues[0]?.message
  if (problem !== undefined) throw new ImportError('usage', `--default-role ${problem}.`)
  return {
    defaultRole: chosen,
    isRoleChosen: defaultRole !== undefined,
    inactiveWithSecondFactor: inactiveWithSecondFactor === true,
    inactiveUnverified: inactiveUnverified === true,
    withoutPasswords: withoutPasswords === true,
    emailsUnverified: emailsUnverified === true,
    refuseUsername: (name) => usernameSchema.safeParse(name).error?.issues[0]?.message ?? null,
    isPasswordHash,
    findExcessiveCost,
  }
}
