import { startGateway } from './gateway.ts'
import { createLog } from './observability/log.ts'
import { type Environment, loadSettings, root } from './settings.ts'
import { describeGateway, welcome } from './welcome.ts'

/** What of a process a gateway needs. */
export type ServingProcess = Environment & Pick<NodeJS.Process, 'stdout' | 'stderr' | 'on' | 'once' | 'exit'>

/**
 * Starts the gateway that the process's environment describes, says on its standard output where it is (as one JSON
 * document if `isJson`) when it is ready, and ends the process in order: with 0 after SIGTERM or SIGINT, with 1 after a
 * mistake of ours that nobody has caught. Throws what keeps it from starting.
 */
export async function serve(process: ServingProcess, isJson = false): Promise<void> {
  const { config, providers } = await loadSettings(process)
  const log = createLog(config.logLevel)
  for (const name of config.unknownVariables) log.warn({ name }, 'no such variable; is it spelled right?')

  const gateway = await startGateway({ config, providers, root, log })
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
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
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
  const { active } = gateway.keys
  process.stdout.write(
    isJson
      ? `${JSON.stringify(describeGateway(config, gateway.port))}\n`
      : welcome(config, providers, active, gateway.port),
  )
}

/** What an error says of itself. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
