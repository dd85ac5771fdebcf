import cluster from 'node:cluster'
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { ConfigError } from '../errors.ts'
import { createLog } from '../observability/log.ts'
import { type Environment, loadPageFiles, loadSettings, root } from './settings.ts'
import { describeGateway, startupMessage } from './startup-message.ts'
import { connectPrimary, type Primary } from './worker.ts'
import { isOwnWorker, startWorkers, WorkerError } from './workers.ts'

/** What of a process a gateway needs. */
export type ServingProcess = Environment & Pick<NodeJS.Process, 'stdout' | 'stderr' | 'on' | 'once' | 'exit'>

const stopSignals = ['SIGTERM', 'SIGINT'] as const

// What a process may take to end, in seconds, besides its requests and its last words to the database.
const patience = 5

/**
 * Starts the gateway that the process's environment describes, in worker processes if there are to be several, says on
 * its standard output where it is (as one JSON document if `isJson`) when it is ready, and ends the process in order:
 * with 0 after SIGTERM or SIGINT, with 1 after a mistake of ours that nobody has caught. Throws what keeps it from
 * starting.
 */
export async function serve(process: ServingProcess, isJson = false): Promise<void> {
  if (cluster.worker && isOwnWorker(process.env)) {
    const primary = connectPrimary(cluster.worker)
    await serveHere(process, isJson, primary).catch(async (error: unknown) => {
      await primary.failed(messageOf(error), error instanceof ConfigError ? error.problems : undefined)
      process.exit(1)
    })
    return
  }
  await serveHere(process, isJson)
}

/** Serves in this process, or stands before those that do. A worker leaves to its `primary` what there is to say. */
async function serveHere(process: ServingProcess, isJson: boolean, primary?: Primary): Promise<void> {
  const { config, providers } = await loadSettings(process)
  const pages = await loadPageFiles(config)
  const log = createLog(config.logLevel)
  const say = primary?.ready ?? ((text: string) => void process.stdout.write(text))
  if (!primary) {
    for (const name of config.unknownVariables) log.warn({ name }, 'no such variable; is it spelled right?')
    for (const name of config.quotedVariables)
      log.warn(
        { name },
        'the quotation marks around the value are part of it; if they are not meant, leave them out',
      )
  }
  if (config.workers > 1 && cluster.isPrimary) return supervise(process, config, log, say)

  // The primary process needs none of it.
  const { startGateway } = await import('./gateway.ts')
  const gateway = await startGateway({
    config,
    providers,
    pages,
    root,
    log,
    shareMetrics: primary?.shareMetrics,
  })
  let exitCode = 0
  const stop = () => {
    gateway.close().then(
      () => process.exit(exitCode),
      (error) => {
        process.stderr.write(`Claimgate did not stop in order. ${messageOf(error)}\n`)
        process.exit(1)
      },
    )
  }
  // A worker is told twice when the signal reaches all processes, by Ctrl-C or by Heroku.
  const hear = primary ? 'on' : 'once'
  for (const signal of stopSignals) {
    process[hear](signal, () => {
      log.info({ signal }, 'stopping')
      stop()
    })
  }
  for (const origin of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(origin, (error: unknown) => {
      exitCode = 1
      log.fatal({ event: 'process.failed', origin, err: error }, 'stopping after a mistake of ours')
      stop()
    })
  }
  const isReady = await gateway.ready.catch(async (error) => {
    await gateway.close()
    throw error
  })
  if (!isReady) return
  say(
    isJson
      ? `${JSON.stringify(describeGateway(config, gateway.port))}\n`
      : startupMessage(config, providers, gateway.keys.active, gateway.port),
  )
}

/** Keeps the workers running until they are told to stop, and then ends the process. */
async function supervise(
  process: ServingProcess,
  config: Config,
  log: Logger,
  onReady: (startupMessage: string) => void,
): Promise<void> {
  const workers = startWorkers({
    count: config.workers,
    patience: (config.shutdownGrace + config.databaseTimeout + patience) * 1000,
    log,
    onReady,
  })
  for (const signal of stopSignals) {
    process.once(signal, () => {
      log.info({ signal }, 'stopping')
      workers.stop()
    })
  }
  const isInOrder = await workers.ended.catch((error: unknown) => {
    throw error instanceof WorkerError && error.problems ? new ConfigError(error.problems) : error
  })
  process.exit(isInOrder ? 0 : 1)
}

/** What an error says of itself. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
