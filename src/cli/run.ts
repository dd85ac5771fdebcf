import { CommanderError } from 'commander'
import { indentLines, writeText } from '../observability/terminal-text.ts'
import { type CommandProcess, createContext } from './context.ts'
import { CommandError, toCommandError } from './failure.ts'
import { printable } from './output.ts'
import { createProgram } from './program.ts'

/** Runs the command line `args` and returns the exit code. Prints failures on standard error. */
export async function run(process: CommandProcess, args: readonly string[]): Promise<number> {
  const end = args.indexOf('--')
  const isJson = args.slice(0, end < 0 ? args.length : end).includes('--json')
  const context = createContext(process, isJson)
  const program = createProgram(context)
  try {
    await program.parseAsync(withKidsLast(args), { from: 'user' })
    return context.exitCode
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0
    const failure = error instanceof CommanderError ? fromCommander(error, args) : toCommandError(error)
    if (isJson) writeText(process.stderr, `${toDocument(failure)}\n`)
    else if (!isHelp(error)) writeText(process.stderr, `claimgate: ${indentLines(failure.message)}\n`)
    return failure.exitCode
  }
}

/** Moves every kid with a leading dash (one in 64) behind `--`, so that it is not parsed as an option. */
function withKidsLast(args: readonly string[]): readonly string[] {
  const isKid = (arg: string, at: number) => /^-[\w-]{42}$/.test(arg) && args[at - 1] !== '--kid'
  const kids = args.filter(isKid)
  if (kids.length === 0 || args.includes('--')) return args
  return [...args.filter((arg, at) => !isKid(arg, at)), '--', ...kids]
}

/** Returns true when commander has printed the help, because the command line names no command. */
function isHelp(error: unknown): boolean {
  return error instanceof CommanderError && error.code === 'commander.help'
}

function fromCommander(error: CommanderError, args: readonly string[]): CommandError {
  const words = ['claimgate', ...args.filter((arg) => !arg.startsWith('-')), '--help'].join(' ')
  if (isHelp(error)) return new CommandError('usage', `a command is missing; see: ${words}`)
  return new CommandError('usage', printable(error.message.replace(/^error: /, '').replaceAll('\n', ' ')))
}

function toDocument({ code, message, errors }: CommandError): string {
  return JSON.stringify({ error: { code, message, ...(errors && { errors }) } }, null, 2)
}
