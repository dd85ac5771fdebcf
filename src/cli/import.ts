import type { Command } from 'commander'
import { ConfigError, GatewayError } from '../errors.ts'
import {
  changeTable,
  hasUnchosen,
  ImportError,
  type ProblemSummary,
  problemTable,
} from '../import/problems.ts'
import type { ImportChoices, ImportDeps, ImportReport } from '../import/run.ts'
import { sourceNames } from '../import/source-names.ts'
import { indentLines, writeText } from '../observability/terminal-text.ts'
import { CommandError, toCommandError } from './failure.ts'
import { count, type Output, printable } from './output.ts'

/** The context of the command. */
export type ImportContext = ImportDeps & {
  /** True prints JSON. */
  isJson: boolean
  stdout: { write(text: string): unknown }
  setExitCode(code: number): void
  /** Imports an export of Claimgate. */
  importExport(file: string, flags: ImportFlags): Promise<Output>
}

/** The options of an import. */
export type ImportFlags = ImportChoices & { withoutSessions?: boolean }

const exitCodes = { problems: 1, unavailable: 69, internal: 70, config: 78 }

/** The failure codes for programs, by exit code. */
const codes: Record<number, string> = {
  64: 'usage',
  65: 'wrong_source',
  66: 'file_not_found',
  69: 'database_unavailable',
  78: 'configuration_invalid',
}

/**
 * Registers `import <source> <url>`. The action never throws: it prints one line to `stderr` and sets the exit code.
 * 0 all users imported, 1 problems or changes that no option chose, 64 invalid arguments, 65 another layout, 66 the file
 * cannot be read, 69 a database is unreachable, 78 invalid configuration, 70 any other error.
 */
export function registerImport(program: Command, context: ImportContext): void {
  program
    .command('import')
    .summary('import users from another sign-in server, or an export')
    .description(
      'Imports the users of another sign-in server, with ids, password hashes, roles and identities; or everything in an export of Claimgate.',
    )
    .argument('<source>', [...sourceNames, 'claimgate'].join(', '))
    .argument(
      '<from>',
      'postgres:// URL of its database, which is only read, and the password may be in PGPASSWORD; the file of its export; for claimgate also - for standard input',
    )
    .option('--dry-run', 'show the result, and change nothing')
    .option(
      '--without-sessions',
      'leave out the sessions and signing keys of an export, which need its AUTH_SECRET',
    )
    .option(
      '--default-role <role>',
      'the role that every active user will have, in place of AUTH_DEFAULT_ROLE; set it for the gateway too',
    )
    .option(
      '--inactive-with-second-factor',
      'import users inactive who had a second factor; else their password alone signs in',
    )
    .option(
      '--inactive-unverified',
      'import users inactive whose unverified address kept them from a sign-in with their password',
    )
    .option(
      '--claim <name=member>',
      'set the claim x-hasura-<name> to this column, or to the member at this path; repeatable',
      (pair: string, pairs: string[] = []) => [...pairs, pair],
    )
    .option('--roles-from <member>', 'take the roles from this column, or from the member at this path')
    .option('--create-roles', 'make roles that do not exist; else they are not granted')
    .option('--passwords <file>', 'the export of password hashes that the support of Auth0 sends')
    .option('--hash-config <file>', 'the password hash parameters of the Firebase project')
    .option('--without-passwords', 'import no password')
    .option('--emails-unverified', 'import every e-mail address as unverified')
    .addHelpText('after', help)
    .action(async (name: string, from: string, flags: ImportFlags) => {
      const { isJson } = context
      try {
        if (name === 'claimgate') {
          const other = Object.keys(flags).filter((flag) => flag !== 'dryRun' && flag !== 'withoutSessions')
          if (other.length > 0)
            throw new CommandError(
              'usage',
              `--${other.map(toOption).join(', --')} is for other sources than claimgate`,
            )
          const { document, text } = await context.importExport(from, flags)
          writeText(context.stdout, `${isJson ? JSON.stringify(document) : text}\n`)
          return
        }
        if (flags.withoutSessions)
          throw new CommandError('usage', '--without-sessions is for the source claimgate')
        const { runImport } = await import('../import/run.ts')
        const report = await runImport(name, from, flags, context)
        writeText(context.stdout, isJson ? `${JSON.stringify(report)}\n` : describeImport(report))
        const isAsBefore = report.problems.total === 0 && !hasUnchosen(report.changes)
        context.setExitCode(isAsBefore ? 0 : exitCodes.problems)
      } catch (error) {
        const { message } = error instanceof GatewayError ? toCommandError(error) : toError(error)
        const exitCode = exitCodeOf(error)
        const code = error instanceof CommandError ? error.code : (codes[exitCode] ?? 'failed')
        const document = { error: { code, message } }
        writeText(
          context.stderr,
          `${isJson ? JSON.stringify(document, null, 2) : `claimgate: ${indentLines(message)}`}\n`,
        )
        context.setExitCode(exitCode)
      }
    })
}

function toOption(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}

function exitCodeOf(error: unknown): number {
  if (error instanceof ImportError || error instanceof CommandError) return error.exitCode
  if (error instanceof ConfigError) return exitCodes.config
  if (error instanceof GatewayError && error.code === 'database_unavailable') return exitCodes.unavailable
  return exitCodes.internal
}

const help = `
Examples:
  $ claimgate import hasura-auth 'postgres://reader@old-db:5432/app' --dry-run
  $ claimgate import hasura-auth 'postgres://reader@old-db:5432/app' --default-role member --inactive-with-second-factor
  $ claimgate import seed 'postgres://reader@old-db:5432/app'
  $ claimgate import keycloak realm.json --dry-run
  $ claimgate import auth0 users.ndjson --passwords hashes.ndjson --claim org-id=app_metadata.org_id
  $ claimgate import firebase users.json --hash-config hash-config.txt --claim firebase-uid=localId
  $ claimgate import supabase 'postgres://reader@old-db:5432/postgres'
  $ claimgate import csv users.csv --create-roles
  $ claimgate import claimgate claimgate.jsonl

Existing users (by id) are not changed, so the import can be repeated after an interruption.
Where a source has no usernames, the e-mail address becomes the username, or, without one, the provider and its
subject. Roles of auth0, firebase, keycloak, supabase and csv are granted only if they exist here, or with
--create-roles.
An export of Claimgate is imported completely or not at all, into a database without users.

A user who gets a role in addition, or loses a second factor, is listed as a change.

Exit codes: 0 all users imported, 1 users have a problem, or a change that no option chose (see the lists), 64 invalid
arguments, 65 the source has another layout, or the file is not a valid export, 66 the file cannot be read, 69 a
database cannot be reached, 70 any other error, 73 the database has users already, 78 invalid configuration.`

/** Formats the report as text. */
function describeImport(report: ImportReport): string {
  const { source, dryRun, users, roles, identities, problems, changes } = report
  const lines = [
    `${source}: ${count(users.read, 'user')} read.`,
    users.imported === 0
      ? `Nothing to import${users.present > 0 ? `: ${count(users.present, 'user')} already present` : ''}.`
      : `${dryRun ? 'To import' : 'Imported'}: ${count(users.imported, 'user')}, ${count(roles.granted, 'role grant')}, ${count(identities.linked, 'provider identity', 'provider identities')}, ${count(roles.created, 'new role')}.`,
    ...(users.present > 0 && users.imported > 0
      ? [`Already present and not changed: ${count(users.present, 'user')}.`]
      : []),
    ...(users.anonymous > 0 ? [`Left out because anonymous: ${count(users.anonymous, 'user')}.`] : []),
    ...(users.refused > 0 ? [`Left out because of a problem: ${count(users.refused, 'user')}.`] : []),
    ...(report.isDefaultRoleSet
      ? []
      : [
          `Set AUTH_DEFAULT_ROLE=${printable(report.defaultRole)} for the gateway, for which this import is.`,
        ]),
    ...report.remarks.map(printable),
    ...describeProblems('problem', problems, problemTable),
    ...describeProblems('change', changes, changeTable),
    ...(dryRun || users.imported === 0 ? ['Nothing was changed.'] : []),
  ]
  return `${lines.join('\n')}\n`
}

function describeProblems<Code extends string>(
  noun: string,
  { total, counts, kept }: ProblemSummary<Code>,
  table: Readonly<Record<Code, string>>,
): string[] {
  if (total === 0) return []
  const codes = Object.keys(counts) as Code[]
  const width = Math.max(...codes.map((code) => code.length))
  return [
    `${count(total, noun)}:`,
    ...codes.map((code) => `  ${code.padEnd(width)}  ${counts[code]}  (${table[code]})`),
    ...kept.map(
      ({ code, userId, place, username, detail }) =>
        `  ${code.padEnd(width)}  ${[place, userId].filter(Boolean).join('  ')}  ${printable(username ?? '')}  ${printable(detail)}`,
    ),
    ...(kept.length < total ? [`  … and ${total - kept.length} more`] : []),
  ]
}
