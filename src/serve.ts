import { pino } from 'pino'
import { startGateway } from './gateway.ts'
import { type Environment, loadSettings, root } from './settings.ts'
import { describeGateway, welcome } from './welcome.ts'

/** What of a process a gateway needs. */
export type ServingProcess = Environment & Pick<NodeJS.Process, 'stdout' | 'stderr' | 'once' | 'exit'>

/**
 * Starts the gateway that the process's environment describes, says on its standard output where it is (as one JSON
 * document if `isJson`), and ends the process after SIGTERM or SIGINT. Throws what keeps it from starting.
 */
export async function serve(process: ServingProcess, isJson = false): Promise<void> {
  const { config, providers } = await loadSettings(process)
  const log = pino({ level: config.logLevel })
  for (const name of config.unknownVariables) log.warn({ name }, 'no such variable; is it spelled right?')

  const gateway = await startGateway({ config, providers, root, log })
  const stop = (signal: NodeJS.Signals) => {
    log.info({ signal }, 'stopping')
    gateway.close().then(
      () => process.exit(0),
      (error) => {
        process.stderr.write(`Claimgate did not stop in order. ${messageOf(error)}\n`)
        process.exit(1)
      },
    )
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
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
