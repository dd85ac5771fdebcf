import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { writeText } from '../observability/terminal-text.ts'
import type { Deployment } from '../process/deployment.ts'
import type { ServingProcess } from '../process/serve.ts'
import { root } from '../root.ts'
import { CommandError, toOpenError } from './failure.ts'
import { type Output, quote } from './output.ts'
import type { Terminal } from './terminal.ts'

/** The process that a command runs in. */
export type CommandProcess = ServingProcess & Terminal

/** The deployment that a command works on. `now` is the database's time. */
export type OpenDeployment = Deployment & { config: Config; now: Date }

/** The context of every command. */
export type CommandContext = {
  process: CommandProcess
  /** True for one JSON document on standard output, for programs. */
  isJson: boolean
  /** The exit code of a command that does not throw. */
  exitCode: number
  /** Loads the configuration. Throws a ConfigError. */
  loadConfig(): Promise<Config>
  /** Creates the log of the gateway's code, from level warn, on standard error. */
  loadLog(): Promise<Logger>
}

/** Creates the context of a command line. Settings and code of the gateway are loaded only when a command needs them. */
export function createContext(process: CommandProcess, isJson: boolean): CommandContext {
  return {
    process,
    isJson,
    exitCode: 0,
    loadConfig: async () => {
      const { loadSettings } = await import('../process/settings.ts')
      return (await loadSettings(process)).config
    },
    loadLog: async () => (await import('../observability/log.ts')).createLog('warn', process.stderr),
  }
}

/**
 * Opens the deployment while `work` runs, and applies no migrations to existing tables: gateways of the previous version
 * may be running. Without `mayCreate` database and tables must exist, so a wrong address does not look like a deployment
 * without users. Throws `no_database`, `database_outdated`, `database_unavailable` and the errors of `work`.
 */
export async function withDeployment<T>(
  context: CommandContext,
  work: (opened: OpenDeployment) => Promise<T>,
  { mayCreate = false } = {},
): Promise<T> {
  const config = await context.loadConfig()
  const isThere = await hasDatabase(config)
  const deployment = await openTables(context, config, mayCreate ? 'create' : 'none')
  if (!isThere && !context.isJson)
    writeText(context.process.stderr, `Created a database in ${config.dataDir}.\n`)
  try {
    return await work({ ...deployment, config, now: deployment.databaseClock.now() })
  } finally {
    await deployment.close()
  }
}

/** Returns a commander action that loads a function, runs it on the deployment and prints its output. */
export function onDeployment<Args extends unknown[]>(
  context: CommandContext,
  load: () => Promise<(opened: OpenDeployment, ...args: Args) => Promise<Output>>,
  options: { mayCreate?: boolean } = {},
): (...args: Args) => Promise<void> {
  return async (...args) => {
    const work = await load()
    print(context, await withDeployment(context, (opened) => work(opened, ...args), options))
  }
}

/** Prints an output as a JSON document or as text. */
export function print({ process, isJson }: CommandContext, { document, text, warning }: Output): void {
  if (isJson) {
    writeText(process.stdout, `${JSON.stringify({ ...document, ...(warning && { warning }) }, null, 2)}\n`)
    return
  }
  writeText(process.stdout, `${text}\n`)
  if (warning) writeText(process.stderr, `Warning: ${warning}\n`)
}

/** The changes that a command may make to the tables: none, create missing ones, or apply every pending migration. */
export type TableChanges = 'none' | 'create' | 'migrate'

/**
 * Opens a deployment whose tables are up to date, after the `allowed` changes. A missing embedded database counts as
 * missing tables. Throws `no_database`, `database_outdated` and `database_unavailable`.
 */
export async function openTables(
  { loadLog }: CommandContext,
  config: Config,
  allowed: TableChanges,
): Promise<Deployment> {
  if (allowed === 'none' && !(await hasDatabase(config))) throw noDatabase(config)
  const { connectDeployment } = await import('../process/deployment.ts')
  let deployment: Deployment | undefined
  try {
    deployment = await connectDeployment(config, root, await loadLog())
    await updateTables(deployment, root, allowed)
    await deployment.databaseClock.measure()
    return deployment
  } catch (error) {
    await deployment?.close()
    throw toOpenError(error)
  }
}

async function updateTables(deployment: Deployment, root: URL, allowed: TableChanges): Promise<void> {
  const { findMigrationNames, findPending } = await import('../migrations/migrate.ts')
  const pending = await findPending(deployment.database, root)
  if (pending.length === 0) return
  const isEmpty = pending.length === (await findMigrationNames(root)).length
  if (allowed === 'migrate' || (isEmpty && allowed === 'create')) return deployment.migrate()
  throw isEmpty ? await noTables(deployment) : databaseOutdated(pending)
}

/** Returns true if the embedded database exists. The database of a server is assumed to exist. */
export async function hasDatabase({ databaseUrl, dataDir }: Config): Promise<boolean> {
  if (databaseUrl !== undefined) return true
  const { hasEmbedded } = await import('../database/data-directory.ts')
  return hasEmbedded(dataDir)
}

function noDatabase({ dataDir }: Config): CommandError {
  return new CommandError(
    'no_database',
    `There is no database in ${dataDir}. Set AUTH_DATA_DIR or DATABASE_URL, or create a database with: claimgate migrate`,
  )
}

async function noTables({ database }: Deployment): Promise<CommandError> {
  const schema = await database.schema()
  const [row] = await database.query<{ name: string }>(
    { name: 'current_database', text: 'SELECT current_database() AS name' },
    [],
  )
  return new CommandError(
    'no_database',
    `There are no tables of Claimgate in the schema ${quote(schema)} of the database ${quote(row?.name ?? '')}. Set DATABASE_URL to another database, or create the tables with: claimgate migrate`,
  )
}

function databaseOutdated(pending: readonly string[]): CommandError {
  return new CommandError(
    'database_outdated',
    `The database lacks migrations of this version: ${pending.join(', ')}. Nothing was changed. Apply them with: claimgate migrate`,
  )
}
