import { findExcessiveCost, isPasswordHash } from '../authentication/password-hash-format.ts'
import { usernameSchema } from '../authentication/username.ts'
import type { Config } from '../config/config.ts'
import { databaseUrl, role } from '../config/values.ts'
import type { Database } from '../database/database.ts'
import { identifyDatabase } from '../database/same-database.ts'
import { createImportTarget, type ImportTarget, rehearse } from '../stores/import-target.ts'
import type { ImportRules } from './candidate.ts'
import { type ImportCounts, importUsers } from './import-users.ts'
import { findQueries, type Layout } from './layout.ts'
import {
  type ChangeCode,
  createProblemList,
  ImportError,
  type ProblemCode,
  type ProblemSummary,
} from './problems.ts'
import { createProgress, type ProgressStream } from './progress.ts'
import { countUsers, readUsers } from './read-users.ts'
import { openSource, type Source } from './source.ts'
import { layouts } from './sources.ts'

/** The dependencies of an import. */
export type ImportDeps = {
  /** Reads the configuration. Throws ConfigError. */
  parseConfig(): Config | Promise<Config>
  /** Opens the gateway's database and migrates it. A dry run (`isReading`) applies no migrations. */
  openTarget(config: Config, isReading: boolean): Promise<{ database: Database; close(): Promise<void> }>
  stderr: ProgressStream
  /** Users read at a time; 1000 by default. */
  pageSize?: number
}

/** The result of an import, as `--json` prints it. */
export type ImportReport = ImportCounts & {
  source: string
  dryRun: boolean
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
export type ImportChoices = {
  dryRun?: boolean
  /** The role that every active user will have, in place of AUTH_DEFAULT_ROLE. */
  defaultRole?: string
  /** True imports users with a second factor inactive. */
  inactiveWithSecondFactor?: boolean
}

const keptProblems = 50

/**
 * Imports all users from the database at `url`. `choices.dryRun` returns the same report and rolls every write back. Throws
 * ImportError, ConfigError and the errors of the target.
 */
export async function runImport(
  name: string,
  url: string,
  choices: ImportChoices,
  deps: ImportDeps,
): Promise<ImportReport> {
  const layout = layouts.find((candidate) => candidate.name === name)
  // The message omits the argument: a URL in the wrong position may contain a password.
  if (!layout)
    throw new ImportError(
      'usage',
      `The source must be claimgate or one of ${layouts.map((each) => each.name).join(', ')}; its file or URL comes second.`,
    )
  const problem = databaseUrl.safeParse(url).error?.issues[0]?.message
  if (problem !== undefined) throw new ImportError('usage', `The URL ${problem}.`)
  const config = await deps.parseConfig()
  const { dryRun = false } = choices
  const rules = rulesOf(config, choices)
  const source = await openSource(url, 'The source database')
  try {
    const queries = await findQueries(source, layout)
    await refuseSameDatabase(source, layout, config)
    const target = await deps.openTarget(config, dryRun)
    try {
      const total = await countUsers(source, queries)
      const progress = createProgress(deps.stderr, total)
      const problems = createProblemList(keptProblems)
      const changes = createProblemList<ChangeCode>(keptProblems)
      const work = (importTarget: ImportTarget): Promise<ImportCounts> =>
        importUsers({
          pages: readUsers(source, queries, deps.pageSize ?? 1000),
          target: importTarget,
          rules,
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

/** Throws ImportError `usage` for a default role that AUTH_DEFAULT_ROLE cannot have. */
function rulesOf({ roles }: Config, { defaultRole, inactiveWithSecondFactor }: ImportChoices): ImportRules {
  const chosen = defaultRole ?? roles.defaultRole
  const problem = role(chosen, roles.allowAdmin).safeParse(chosen).error?.issues[0]?.message
  if (problem !== undefined) throw new ImportError('usage', `--default-role ${problem}.`)
  return {
    defaultRole: chosen,
    isRoleChosen: defaultRole !== undefined,
    inactiveWithSecondFactor: inactiveWithSecondFactor === true,
    refuseUsername: (name) => usernameSchema.safeParse(name).error?.issues[0]?.message ?? null,
    isPasswordHash,
    findExcessiveCost,
  }
}

/**
 * Throws `sameDatabase` when the tables of the source are in the schema and database of the target. Runs before the
 * target is opened and migrated.
 */
async function refuseSameDatabase(source: Source, layout: Layout, config: Config): Promise<void> {
  if (config.databaseUrl === undefined) return
  const target = await openSource(config.databaseUrl, 'The database in DATABASE_URL')
  try {
    const [table = ''] = Object.keys(layout.columns)
    const [, sourceSchema = await source.schema()] = /^(\w+)\./.exec(table) ?? []
    if (
      sourceSchema === (await target.schema()) &&
      (await identifyDatabase(target)) === (await identifyDatabase(source))
    )
      throw new ImportError('sameDatabase', layout.sameDatabase)
  } finally {
    await target.close()
  }
}
