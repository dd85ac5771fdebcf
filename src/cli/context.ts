import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import type { Clock } from '../context.ts'
import type { Deployment } from '../process/deployment.ts'
import type { ServingProcess } from '../process/serve.ts'
import { CommandError, toOpenError } from './failure.ts'
import type { Output } from './output.ts'
import type { Terminal } from './terminal.ts'

/** The process that a command runs in. */
export type CommandProcess = ServingProcess & Terminal

/** What a command works on. */
export type OpenDeployment = Deployment & { config: Config; now: Date }

/** What every command is made with. */
export type CommandContext = {
  process: CommandProcess
  /** Whether a program reads the answer: one JSON document on standard output, and nothing else. */
  isJson: boolean
  clock: Clock
  /** What the process ends with when nothing was thrown. */
  exitCode: number
  /** Reads how the deployment is set up. Throws a ConfigError. */
  loadConfig(): Promise<Config>
  /** Makes the log of the gateway's own code: warnings and worse, on standard error. */
  loadLog(): Promise<Logger>
}

/** The context of one command line. No setting is read and no code of the gateway loaded before a command asks for it. */
export function createContext(process: CommandProcess, isJson: boolean): CommandContext {
  return {
    process,
    isJson,
    clock: () => new Date(),
    exitCode: 0,
    loadConfig: async () => {
      const { loadSettings } = await import('../process/settings.ts')
      return (await loadSettings(process)).config
    },
    loadLog: async () => (await import('../observability/log.ts')).createLog('warn', process.stderr),
  }
}

/**
 * Opens the deployment while `work` runs. Without `mayCreate` there must be a database: a mistaken directory should not
 * look like a deployment without users. Throws `no_database`, `database_unavailable` and what `work` throws.
 */
export async function withDeployment<T>(
  context: CommandContext,
  work: (opened: OpenDeployment) => Promise<T>,
  { mayCreate = false } = {},
): Promise<T> {
  const config = await context.loadConfig()
  const isThere = await hasDatabase(config)
  if (!isThere && !mayCreate) throw noDatabase(config)
  const deployment = await open(context, config)
  if (!isThere && !context.isJson) context.process.stderr.write(`Made a database in ${config.dataDir}.\n`)
  try {
    return await work({ ...deployment, config, now: context.clock() })
  } finally {
    await deployment.close()
  }
}

/** A commander action: loads the work, does it on the deployment, and prints its output. */
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

/** Prints an answer, as a document or as text. */
export function print({ process, isJson }: CommandContext, { document, text, warning }: Output): void {
  if (isJson) {
    process.stdout.write(`${JSON.stringify({ ...document, ...(warning && { warning }) }, null, 2)}\n`)
    return
  }
  process.stdout.write(`${text}\n`)
  if (warning) process.stderr.write(`Warning: ${warning}\n`)
}

async function open({ loadLog }: CommandContext, config: Config): Promise<Deployment> {
  const [{ openDeployment }, { root }] = await Promise.all([
    import('../process/deployment.ts'),
    import('../process/settings.ts'),
  ])
  return openDeployment(config, root, await loadLog()).catch((error) => {
    throw toOpenError(error)
  })
}

/** Whether there is a database to open: a server's is taken to be there until it is asked. */
export async function hasDatabase({ databaseUrl, dataDir }: Config): Promise<boolean> {
  if (databaseUrl !== undefined) return true
  const { hasEmbedded } = await import('../database/data-directory.ts')
  return hasEmbedded(dataDir)
}

function noDatabase({ dataDir }: Config): CommandError {
  return new CommandError(
    'no_database',
    `There is no database in ${dataDir}. Set AUTH_DATA_DIR or DATABASE_URL to where it is, or make one with: claimgate migrate`,
  )
}
