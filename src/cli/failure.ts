import { ConfigError, type FieldError, GatewayError } from '../errors.ts'
import { HasuraError } from '../hasura/metadata-request.ts'
import { printable } from './output.ts'

/** How a command can fail, and the exit code of each; the codes are those of sysexits.h where it has one. */
const table = {
  usage: 64,
  validation_failed: 65,
  invalid_key: 65,
  user_not_found: 66,
  role_not_found: 66,
  session_not_found: 66,
  key_not_found: 66,
  file_not_found: 66,
  no_database: 66,
  source_not_found: 66,
  database_unavailable: 69,
  hasura_unavailable: 69,
  username_taken: 73,
  role_exists: 73,
  key_exists: 73,
  hasura_answer: 76,
  hasura_denied: 77,
  configuration_invalid: 78,
  interrupted: 130,
  not_started: 1,
  user_inactive: 1,
  role_denied: 1,
  role_not_granted: 1,
  active_key: 1,
  next_key_exists: 1,
  environment_key: 1,
  other_secret: 1,
  changed_meanwhile: 1,
  hasura_refused: 1,
  hasura_inconsistent: 1,
  relationship_differs: 1,
  failed: 1,
} as const satisfies Record<string, number>

/** A stable name of one kind of failure. */
export type FailureCode = keyof typeof table

/** What `--help` says of the exit codes. */
export const exitCodes = `
Exit codes:
   0  done
   1  refused, or failed
  64  the command line is wrong
  65  a value or key was given that is not valid
  66  there is no such user, role, session, key, file, database or source
  69  the database cannot be opened, or Hasura be reached
  73  there is one of that name already
  76  the answer is not Hasura's
  77  Hasura does not accept the admin secret
  78  the configuration is not valid
 130  interrupted at a prompt`

/** A failure that a command has words for. The message is shown as it is. */
export class CommandError extends Error {
  readonly code: FailureCode
  readonly exitCode: number
  readonly errors: FieldError[] | undefined

  constructor(code: FailureCode, message: string, details: { errors?: FieldError[]; cause?: unknown } = {}) {
    super(message, { cause: details.cause })
    this.name = 'CommandError'
    this.code = code
    this.exitCode = table[code]
    this.errors = details.errors
  }
}

/** Whatever was thrown, in words that a person may see: no SQL, no arguments, no stack. */
export function toCommandError(error: unknown): CommandError {
  if (error instanceof CommandError) return error
  if (error instanceof ConfigError) return new CommandError('configuration_invalid', problemsOf(error))
  if (error instanceof GatewayError) return fromGateway(error)
  if (error instanceof HasuraError)
    return new CommandError(error.code, printable(error.message), { cause: error })
  return new CommandError('failed', `Something went wrong: ${lastLine(error)}`, { cause: error })
}

/** What kept the database from being opened. */
export function toOpenError(error: unknown): CommandError {
  if (error instanceof CommandError || error instanceof ConfigError) return toCommandError(error)
  const cause = error instanceof GatewayError ? error.cause : error
  return new CommandError(
    'database_unavailable',
    `The database cannot be opened. ${wordsOf(cause).replace(/^The database cannot be used: /, '')}`,
    {
      cause: error,
    },
  )
}

function fromGateway({ code, message, errors, cause }: GatewayError): CommandError {
  const known = code in table ? (code as FailureCode & GatewayError['code']) : 'failed'
  if (!errors) return new CommandError(known, message, { cause })
  const words = errors.map(({ field, detail }) => `${field} ${detail}`).join('; ')
  return new CommandError(known, words, { errors, cause })
}

function problemsOf({ problems, message }: ConfigError): string {
  return problems.length === 1 ? `The configuration is not valid: ${problems[0]}` : message
}

/** Node tries all addresses of a host, and reports what went wrong with each in an error without a message. */
function wordsOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return wordsOf(error.errors[0])
  return error instanceof Error && error.message !== '' ? error.message : lastLine(error)
}

/** Prisma's messages begin with the call and its arguments, and end with what was wrong. */
function lastLine(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const lines = error.message.split('\n').filter((line) => line.trim() !== '')
  return lines.at(-1)?.trim().slice(0, 300) ?? error.name
}
