import { Command } from 'commander'
import { describeVersion, readVersion } from '../database/version.ts'
import { writeText } from '../observability/terminal-text.ts'
import { root } from '../root.ts'
import { registerClaims } from './claims.ts'
import { type CommandContext, openTables } from './context.ts'
import { registerDoctor } from './doctor.ts'
import { registerExport } from './export.ts'
import { CommandError, exitCodes, toCommandError } from './failure.ts'
import { registerHasura } from './hasura.ts'
import { registerIdentity } from './identities.ts'
import { registerImport } from './import.ts'
import { registerKeys } from './keys.ts'
import { registerMigrate } from './migrate.ts'
import { examples } from './output.ts'
import { registerRole } from './roles.ts'
import { registerSession } from './sessions.ts'
import { registerUser } from './users.ts'

/** Creates the `claimgate` command with all subcommands. It throws commander's errors instead of ending the process. */
export function createProgram(context: CommandContext): Command {
  const program = new Command('claimgate')
    .description('The sign-in gateway of a Hasura GraphQL Engine, and its administration.')
    .version(describeVersion(readVersion(root)))
    .option('--json', 'answer with one JSON document')
    .addHelpText('after', exitCodes)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => writeText(context.process.stdout, text),
      // The help of a command line that names no command.
      writeErr: (text) => {
        if (!context.isJson) writeText(context.process.stderr, text)
      },
      // The caller prints the thrown error, as text or as JSON.
      outputError: () => {},
    })
    .exitOverride()
  registerServe(program, context)
  registerMigrate(program, context)
  registerKeys(program, context)
  registerUser(program, context)
  registerRole(program, context)
  registerClaims(program, context)
  registerIdentity(program, context)
  registerSession(program, context)
  registerHasura(program, context)
  registerDoctor(program, context)
  registerExport(program, context)
  registerImport(program, {
    parseConfig: context.loadConfig,
    openTarget: (config, isReading) => openTables(context, config, isReading ? 'none' : 'migrate'),
    importExport: async (file, flags) =>
      (await import('./transfer-actions.ts')).importExport(context, file, flags),
    stdout: context.process.stdout,
    stderr: context.process.stderr,
    isJson: context.isJson,
    setExitCode: (code) => {
      context.exitCode = code
    },
  })
  return program
}

/** Registers `serve`. */
function registerServe(program: Command, { process, isJson }: CommandContext): void {
  program
    .command('serve')
    .summary('start the gateway')
    .description(
      'Runs the gateway on the embedded database, or on the database in DATABASE_URL, until SIGTERM or SIGINT.',
    )
    .addHelpText('after', examples('claimgate serve', 'PORT=3000 claimgate serve'))
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
