import type { Command } from 'commander'
import type { CommandContext } from './context.ts'
import { CommandError, toCommandError } from './failure.ts'
import { examples } from './help.ts'

/** Registers `serve`, which is also what `claimgate` alone does. */
export function registerServe(program: Command, { process, isJson }: CommandContext): void {
  program
    .command('serve')
    .summary('start the gateway; this is the default')
    .description(
      'Starts the gateway, on the embedded database or on that of DATABASE_URL, until SIGTERM or SIGINT.',
    )
    .addHelpText('after', examples('claimgate', 'PORT=3000 claimgate serve'))
    .action(async () => {
      const { serve } = await import('../process/serve.ts')
      await serve(process, isJson).catch((error) => {
        throw toStartError(error)
      })
    })
}

function toStartError(error: unknown): CommandError {
  const { code, message } = toCommandError(error)
  if (code === 'configuration_invalid') return new CommandError(code, message)
  const words = error instanceof Error ? error.message : String(error)
  return new CommandError('not_started', `The gateway did not start. ${words}`, { cause: error })
}
