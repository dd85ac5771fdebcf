import cluster from 'node:cluster'
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { ConfigError } from '../errors.ts'
import { createLog } from '../observability/log.ts'
import { writeText } from '../observability/terminal-text.ts'
import { root } from '../root.ts'
import { type Environment, loadPageFiles, loadSettings } from './settings.ts'
import { describeGateway, startupMessage } from './startup-message.ts'
import { connectPrimary, type Primary } from './worker.ts'
import { readForm, startWorkers, WorkerError } from './workers.ts'

/** The members of a process that a gateway uses. */
export type ServingProcess = Environment & Pick<NodeJS.Process, 'stdout' | 'stderr' | 'on' | 'once' | 'exit'>

const stopSignals = ['SIGTERM', 'SIGINT'] as const

// The time that a process may take to end, in seconds, after its requests and its last statements.
const patience = 5

/**
 * Starts the gateway that the environment configures, in worker processes if WEB_CONCURRENCY is more than 1. When
 * ready, prints the address on standard output, as one JSON document if `isJson`. Exits with 0 after SIGTERM or SIGINT,
 * and with 1 after an uncaught error. Throws when the gateway cannot start.
 */
export async function serve(process: ServingProcess, isJson = false): Promise<void> {
  const form = readForm(process.env)
  if (cluster.worker && form) {
    const primary = connectPrimary(cluster.worker)
    await serveHere(process, form === 'json', primary).catch(async (error: unknown) => {
      await primary.failed(messageOf(error), error instanceof ConfigError ? error.problems : undefined)
      process.exit(1)
    })
    return
  }
  await serveHere(process, isJson)
}

/** Serves in this process, or supervises workers. A worker sends its startup message to its `primary`. */
async function serveHere(process: ServingProcess, isJson: boolean, primary?: Primary): Promise<void> {
  const { config, providers, warnings } = await loadSettings(process)
  const pages = await loadPageFiles(config)
  const log = createLog(config.logLevel)
  const say = primary?.ready ?? ((text: string) => writeText(process.stdout, text))
  if (!primary) {
    for (const name of config.unknownVariables)
      log.warn({ name }, 'unknown environment variable; check its spelling')
    for (const name of config.quotedVariables)
      log.warn(
        { name },
        'quotation marks around the value of an environment variable are part of the value; remove them unless intended',
      )
    for (const { name, detail, cure } of warnings) log.warn({ name }, `${name} ${detail}; ${cure}`)
  }
  if (config.workers > 1 && cluster.isPrimary) return supervise(process, config, log, isJson, say)

  // Loaded lazily: the primary process does not need it.
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
  const stop = (drain: number) => {
    gateway.close(drain).then(
      () => process.exit(exitCode),
      (error) => {
        writeText(process.stderr, `Claimgate failed to stop cleanly. ${messageOf(error)}\n`)
        process.exit(1)
      },
    )
  }
  // A worker receives the signal twice when it is sent to all processes, by Ctrl-C or by Heroku.
  const hear = primary ? 'on' : 'once'
  for (const signal of stopSignals) {
    process[hear](signal, () => {
      log.info({ signal }, 'stopping')
      stop(config.drain)
    })
  }
  for (const origin of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(origin, (error: unknown) => {
      exitCode = 1
      log.fatal({ event: 'process.failed', origin, err: error }, 'uncaught error; stopping')
      // The state of the process is unknown, so it accepts no more requests.
      stop(0)
    })
  }
  const isReady = await gateway.ready.catch(async (error) => {
    await gateway.close()
    throw error
  })
  if (!isReady) return
  say(
    isJson
      ? `${JSON.stringify(describeGateway(config, gateway))}\n`
      : startupMessage(config, providers, gateway.keys.active, gateway),
  )
}

/** Runs the workers until a stop signal, then exits. */
async function supervise(
  process: ServingProcess,
  config: Config,
  log: Logger,
  isJson: boolean,
  onReady: (startupMessage: string) => void,
): Promise<void> {
  const workers = startWorkers({
    count: config.workers,
    patience: (config.drain + config.shutdownGrace + config.databaseTimeout + patience) * 1000,
    log,
    isJson,
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

/** Returns the message of an error, or any other thrown value as text. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
