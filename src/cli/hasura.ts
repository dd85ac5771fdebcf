import { existsSync } from 'node:fs'
import { type Command, InvalidArgumentError } from 'commander'
import type { MetadataApi } from '../hasura/metadata-api.ts'
import type { MetadataRoles } from '../hasura/metadata-tables.ts'
import { type CommandContext, print } from './context.ts'
import { CommandError } from './failure.ts'
import { count, examples, type Output, printable } from './output.ts'

type Flags = {
  endpoint: string
  adminSecret?: string
  source: string
  managerRole: string
  userRole: string
  timeout: number
  dryRun?: true
}

/** Registers the `hasura` commands. */
export function registerHasura(program: Command, context: CommandContext): void {
  const hasura = program
    .command('hasura')
    .summary('tell Hasura of the users and roles')
    .description(
      'What Hasura is told of the tables of users and roles. Nothing that it has been told is ever replaced or removed.',
    )
  addOptions(hasura.command('apply'))
    .summary('add what Hasura has not been told yet')
    .description(
      'Adds tables, relationships and permissions that are missing in the metadata of a Hasura, all or none. Safe to repeat.',
    )
    .option('--dry-run', 'only say what would be added')
    .addHelpText(
      'after',
      examples(
        'HASURA_GRAPHQL_ADMIN_SECRET=… claimgate hasura apply --endpoint http://localhost:8081',
        'claimgate hasura apply --endpoint https://hasura.example.com --manager-role hr --dry-run',
      ),
    )
    .action(async (flags: Flags) => print(context, await apply(context, flags)))
  addOptions(hasura.command('diff'))
    .summary('show what Hasura has not been told yet')
    .description(
      'Shows what is missing in the metadata of a Hasura, and what it has been told otherwise. The exit code is 1 when there is something to show.',
    )
    .addHelpText('after', examples('claimgate hasura diff --endpoint http://localhost:8081'))
    .action(async (flags: Flags) => print(context, await diff(context, flags)))
}

function addOptions(command: Command): Command {
  return command
    .requiredOption('--endpoint <url>', 'where Hasura is')
    .option('--admin-secret <secret>', 'its admin secret; better in HASURA_GRAPHQL_ADMIN_SECRET')
    .option('--source <name>', 'the database as Hasura calls it', 'default')
    .option('--manager-role <role>', 'the role that manages users and roles', 'manager')
    .option('--user-role <role>', 'the role that every user has: AUTH_DEFAULT_ROLE', 'user')
    .option('--timeout <seconds>', 'how long Hasura may take to answer', parseSeconds, 10)
}

function parseSeconds(text: string): number {
  if (!/^[1-9]\d{0,2}$/.test(text)) throw new InvalidArgumentError('Seconds, from 1 to 999.')
  return Number(text)
}

async function apply(context: CommandContext, flags: Flags): Promise<Output> {
  const { api, version, missing, differs, inTheWay, describeCall } = await compare(context, flags)
  if (missing.length > 0 && inTheWay.length > 0) throw refuseOver(inTheWay.map(describeCall))
  const isDone = missing.length > 0 && !flags.dryRun
  if (isDone) {
    await requireConsistent(api)
    await api.bulk(missing, version)
  }
  const nothing = 'Hasura knows everything already.'
  const summary = isDone
    ? `Added ${count(missing.length, 'thing')}.`
    : `Would add ${count(missing.length, 'thing')}.`
  return {
    document: { applied: isDone ? missing.length : 0, missing, differs },
    text:
      missing.length === 0
        ? nothing
        : [...missing.map((call) => `+ ${describeCall(call)}`), summary].join('\n'),
    warning: differs.length > 0 ? `left as it is: ${differs.map(describeCall).join('; ')}` : undefined,
  }
}

async function diff(context: CommandContext, flags: Flags): Promise<Output> {
  const { missing, differs, describeCall } = await compare(context, flags)
  const lines = [
    ...missing.map((call) => `+ ${describeCall(call)}`),
    ...differs.map((call) => `~ ${describeCall(call)}: Hasura has another`),
  ]
  if (lines.length > 0) context.exitCode = 1
  return { document: { missing, differs }, text: lines.join('\n') || 'Nothing is missing.' }
}

async function compare({ process }: CommandContext, flags: Flags) {
  const [
    { createMetadataApi },
    { parseEndpoint },
    { compareMetadata, findUsedRelationships },
    { describeCall, toCalls },
    { describeTables },
  ] = await Promise.all([
    import('../hasura/metadata-api.ts'),
    import('../hasura/metadata-request.ts'),
    import('../hasura/metadata-compare.ts'),
    import('../hasura/metadata-calls.ts'),
    import('../hasura/metadata-tables.ts'),
  ])
  if (existsSync('.env')) process.loadEnvFile('.env')
  const endpoint = parseEndpoint(flags.endpoint)
  if (endpoint === null)
    throw new CommandError('usage', '--endpoint must be an http(s) URL without a password')
  const adminSecret = flags.adminSecret ?? process.env.HASURA_GRAPHQL_ADMIN_SECRET
  if (!adminSecret) throw new CommandError('usage', 'Give --admin-secret, or set HASURA_GRAPHQL_ADMIN_SECRET')
  const roles = parseRoles(flags.managerRole, flags.userRole, process.env.AUTH_ANONYMOUS_ROLE)
  const calls = toCalls(describeTables(roles), flags.source)
  const api = createMetadataApi({ endpoint, fetch, timeout: flags.timeout * 1000 }, adminSecret)
  const exported = await api.export()
  const { missing, differs } = compareMetadata(exported, calls, flags.source)
  const used = findUsedRelationships(calls)
  return {
    api,
    version: exported.resource_version,
    describeCall,
    missing,
    differs,
    inTheWay: differs.filter((call) => used.includes(call)),
  }
}

/** A condition that goes through a relationship of another meaning would protect nothing. */
function refuseOver(relationships: readonly string[]): CommandError {
  return new CommandError(
    'relationship_differs',
    `The permissions go through relationships that Hasura has otherwise, and nothing was changed. Rename or remove there: ${relationships.join('; ')}`,
  )
}

async function requireConsistent(api: MetadataApi): Promise<void> {
  const problems = await api.findInconsistent()
  if (problems.length === 0) return
  throw new CommandError(
    'hasura_inconsistent',
    `Hasura's metadata is inconsistent, and nothing was changed: ${problems.slice(0, 3).map(printable).join('; ')}`,
  )
}

/**
 * The roles that get permissions. Whoever has the manager's decides what everybody may do: not everybody, and not nobody
 * in particular. And a request without a token is of whichever user its client writes into the headers, so the role of
 * such requests must not be that of every user either. `anonymousRole` is AUTH_ANONYMOUS_ROLE. Throws `usage`.
 */
function parseRoles(manager: string, user: string, anonymousRole = ''): MetadataRoles {
  const unusable = ['', 'admin', 'anonymous', anonymousRole.trim()]
  if (unusable.includes(manager.trim()) || manager === user)
    throw new CommandError(
      'usage',
      '--manager-role must be a role of its own: not admin, not anonymous, not AUTH_ANONYMOUS_ROLE, and not that of every user',
    )
  if (unusable.includes(user.trim()))
    throw new CommandError(
      'usage',
      '--user-role must be a role that only comes with a token: not admin, not anonymous, not AUTH_ANONYMOUS_ROLE',
    )
  return { manager, user }
}
