import { findCure } from '../database/explain.ts'
import { findReference } from '../database/failures.ts'
import { ConfigError, type FieldError, GatewayError } from '../errors.ts'
import { HasuraError } from '../hasura/metadata-request.ts'
import { printable } from './output.ts'

/** The failures of commands with their exit codes, which follow sysexits.h where possible. */
const table = {
  usage: 64,
  validation_failed: 65,
  invalid_key: 65,
  invalid_export: 65,
  user_not_found: 66,
  role_not_found: 66,
  session_not_found: 66,
  key_not_found: 66,
  file_not_found: 66,
  identity_not_found: 66,
  no_database: 66,
  source_not_found: 66,
  database_unavailable: 69,
  hasura_unavailable: 69,
  username_taken: 73,
  email_taken: 73,
  role_exists: 73,
  key_exists: 73,
  file_exists: 73,
  users_exist: 73,
  hasura_answer: 76,
  hasura_denied: 77,
  configuration_invalid: 78,
  interrupted: 130,
  database_outdated: 1,
  not_started: 1,
  user_inactive: 1,
  role_denied: 1,
  role_not_granted: 1,
  last_way_in: 1,
  still_referenced: 1,
  active_key: 1,
  next_key_exists: 1,
  environment_key: 1,
  other_secret: 1,
  changed_meanwhile: 1,
  hasura_refused: 1,
  hasura_inconsistent: 1,
  relationship_differs: 1,
  graphql_name_taken: 1,
  failed: 1,
} as const satisfies Record<string, number>

/** The stable name of a failure. */
export type FailureCode = keyof typeof table

/** The exit codes in the help text. */
export const exitCodes = `
Exit codes:
   0  success
   1  rejected or failed
  64  the command line is invalid
  65  a value, key or file is invalid
  66  the user, role, identity, session, key, file, database or source does not exist
  69  the database is unavailable, or Hasura cannot be reached
  73  the name or address is already in use, or the file or the users exist
  76  the answer does not come from Hasura
  77  Hasura rejected the admin secret
  78  the configuration is invalid
 130  interrupted at a prompt`

/** A failure with a message for the operator. */
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

/** Converts an error to a failure whose message has no SQL, no arguments and no stack. */
export function toCommandError(error: unknown): CommandError {
  if (error instanceof CommandError) return error
  if (error instanceof ConfigError) return new CommandError('configuration_invalid', problemsOf(error))
  if (error instanceof GatewayError) return fromGateway(error)
  if (error instanceof HasuraError)
    return new CommandError(error.code, printable(error.message), { cause: error })
  return new CommandError('failed', `Unexpected error: ${lastLine(error)}`, { cause: error })
}

/** Runs a deletion. Throws `still_referenced` with the table of another program whose rows stop it. */
export async function nameReference<T>(what: 'user' | 'role', deletion: () => Promise<T>): Promise<T> {
  try {
    return await deletion()
  } catch (error) {
    const found = findReference(error)
    if (found === null) throw error
    const { table: name, constraint } = found
    throw new CommandError(
      'still_referenced',
      `The table ${printable(name)} (constraint ${printable(constraint)}) still refers to this ${what}; delete or reassign these rows first`,
      { cause: error },
    )
  }
}

/** Converts an error of opening the database. The message ends with what to do, if that is known. */
export function toOpenError(error: unknown): CommandError {
  if (error instanceof CommandError || error instanceof ConfigError) return toCommandError(error)
  const { reason, cure } = explainOpen(error)
  const message = `The database cannot be opened. ${reason}${cure && !reason.includes(cure) ? `. ${cure}` : ''}`
  return new CommandError('database_unavailable', message, { cause: error })
}

/** Returns why the database cannot be opened, and what to do if that is known. */
export function explainOpen(error: unknown): { reason: string; cure: string | undefined } {
  const cause = error instanceof GatewayError ? error.cause : error
  return { reason: wordsOf(cause).replace(/^The database cannot be used: /, ''), cure: findCure(cause) }
}

function fromGateway({ code, title, message, errors, cause }: GatewayError): CommandError {
  const known = code in table ? (code as FailureCode & GatewayError['code']) : 'failed'
  if (known === 'database_unavailable' && message === title && cause !== undefined) {
    const cure = findCure(cause)
    return new CommandError(known, `${message}: ${lastLine(cause)}${cure ? `. ${cure}` : ''}`, { cause })
  }
  if (!errors) return new CommandError(known, message, { cause })
  const words = errors.map(({ field, detail }) => `${field} ${detail}`).join('; ')
  return new CommandError(known, words, { errors, cause })
}

function problemsOf({ problems, message }: ConfigError): string {
  return problems.length === 1 ? `The configuration is not valid: ${problems[0]}` : message
}

/** Returns the message of an error. Node tries all addresses of a host, and its AggregateError has no message. */
function wordsOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return wordsOf(error.errors[0])
  return error instanceof Error && error.message !== '' ? error.message : lastLine(error)
}

/** Returns the last line of a message. The messages of Prisma begin with the call and end with the cause. */
function lastLine(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const lines = error.message.split('\n').filter((line) => line.trim() !== '')
  return lines.at(-1)?.trim().slice(0, 300) ?? error.name
}
