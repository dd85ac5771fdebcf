import { existsSync } from 'node:fs'
import { type Command, InvalidArgumentError } from 'commander'
import type { MetadataApi } from '../hasura/metadata-api.ts'
import type { MetadataRoles } from '../hasura/metadata-tables.ts'
import { type CommandContext, print } from './context.ts'
import { CommandError, toOpenError } from './failure.ts'
import { count, examples, type Output, printable } from './output.ts'

type Flags = {
  endpoint: string
  adminSecret?: string
  source: string
  schema?: string
  prefix: string
  managerRole: string
  userRole: string
  timeout: number
  dryRun?: true
}

/** Registers the `hasura` commands. */
export function registerHasura(program: Command, context: CommandContext): void {
  const hasura = program
    .command('hasura')
    .summary('compare and extend the metadata of Hasura')
    .description(
      'The metadata of the tables of users and roles in Hasura. Existing metadata is never replaced or removed.',
    )
  addOptions(hasura.command('apply'))
    .summary('add missing metadata to Hasura')
    .description(
      'Adds missing tables, relationships and permissions to the metadata of Hasura, all or none. Safe to repeat.',
    )
    .option('--dry-run', 'show the missing metadata, and change nothing')
    .addHelpText(
      'after',
      examples(
        'HASURA_GRAPHQL_ADMIN_SECRET=… claimgate hasura apply --endpoint http://localhost:8081',
        'claimgate hasura apply --endpoint https://hasura.example.com --manager-role hr --dry-run',
      ),
    )
    .action(async (flags: Flags) => print(context, await apply(context, flags)))
  addOptions(hasura.command('diff'))
    .summary('show missing and different metadata of Hasura')
    .description(
      'Shows missing and different metadata of Hasura. The exit code is 1 when there is a difference.',
    )
    .addHelpText('after', examples('claimgate hasura diff --endpoint http://localhost:8081'))
    .action(async (flags: Flags) => print(context, await diff(context, flags)))
}

function addOptions(command: Command): Command {
  return command
    .requiredOption('--endpoint <url>', 'the URL of Hasura')
    .option('--admin-secret <secret>', 'the admin secret of Hasura; HASURA_GRAPHQL_ADMIN_SECRET is safer')
    .option('--source <name>', 'the source in Hasura that has the database', 'default')
    .option('--schema <name>', 'the schema of the tables; by default the schema that DATABASE_URL leads to')
    .option(
      '--prefix <text>',
      'begins the names of the tables in GraphQL, where other tables have these names',
      parsePrefix,
      '',
    )
    .option('--manager-role <role>', 'the role that manages users and roles', 'manager')
    .option('--user-role <role>', 'the role of every user: AUTH_DEFAULT_ROLE', 'user')
    .option('--timeout <seconds>', 'the timeout of each request to Hasura', parseSeconds, 10)
}

function parsePrefix(text: string): string {
  if (!/^(?!__)[A-Za-z_]\w{0,49}$/.test(text))
    throw new InvalidArgumentError('It must begin with a letter, and have letters, digits and _ only.')
  return text
}

function parseSeconds(text: string): number {
  if (!/^[1-9]\d{0,2}$/.test(text))
    throw new InvalidArgumentError('It must be a number of seconds from 1 to 999.')
  return Number(text)
}

async function apply(context: CommandContext, flags: Flags): Promise<Output> {
  const { api, version, missing, differs, taken, inTheWay, describeCall } = await compare(context, flags)
  const { env } = context.process
  if (missing.length > 0 && inTheWay.length > 0) throw refuseOver(inTheWay.map(describeCall))
  if (taken.length > 0) throw refuseNames(taken)
  const isDone = missing.length > 0 && !flags.dryRun
  if (isDone) {
    await requireConsistent(api)
    await api.bulk(missing, version)
  }
  const warnings = [
    ...(differs.length > 0
      ? [`different and not changed: ${differs.map(({ call }) => describeCall(call)).join('; ')}`]
      : []),
    ...(env.AUTH_CLAIMS_VALUES === 'json'
      ? [
          'AUTH_CLAIMS_VALUES is json, which is for Hasura v3: this Hasura v2 rejects claims that are not text',
        ]
      : []),
  ]
  const nothing = 'Hasura has all the metadata already.'
  const summary = isDone
    ? `Added ${count(missing.length, 'object')}.`
    : `Would add ${count(missing.length, 'object')}.`
  return {
    document: { applied: isDone ? missing.length : 0, missing, differs: differs.map(({ call }) => call) },
    text:
      missing.length === 0
        ? nothing
        : [...missing.map((call) => `+ ${describeCall(call)}`), summary].join('\n'),
    warning: warnings.join('; ') || undefined,
  }
}

async function diff(context: CommandContext, flags: Flags): Promise<Output> {
  const { missing, differs, describeCall } = await compare(context, flags)
  const lines = [
    ...missing.map((call) => `+ ${describeCall(call)}`),
    ...differs.flatMap(({ call, differences }) => [
      `~ ${describeCall(call)}: different in Hasura`,
      ...differences.map((difference) => `    ${difference}`),
    ]),
  ]
  if (lines.length > 0) context.exitCode = 1
  const document = {
    missing,
    differs: differs.map(({ call }) => call),
    differences: differs.map(({ differences }) => differences),
  }
  return { document, text: lines.join('\n') || 'Nothing is missing.' }
}

async function compare({ process }: CommandContext, flags: Flags) {
  const [
    { createMetadataApi },
    { parseEndpoint },
    { compareMetadata, findUsedRelationships },
    { describeCall, describeTable, toCalls },
    { describeTables },
    { readSecretVariable },
    { isRoleName },
    { parseProxies },
    { createFetch },
  ] = await Promise.all([
    import('../hasura/metadata-api.ts'),
    import('../hasura/metadata-request.ts'),
    import('../hasura/metadata-compare.ts'),
    import('../hasura/metadata-calls.ts'),
    import('../hasura/metadata-tables.ts'),
    import('../process/secret-files.ts'),
    import('../claims/hasura-claims.ts'),
    import('../config/proxies.ts'),
    import('../http/proxy-fetch.ts'),
  ])
  if (existsSync('.env')) process.loadEnvFile('.env')
  const endpoint = parseEndpoint(flags.endpoint)
  if (endpoint === null)
    throw new CommandError('usage', '--endpoint must be an http(s) URL without a password')
  const adminSecret = flags.adminSecret ?? readSecretVariable('HASURA_GRAPHQL_ADMIN_SECRET', process.env)
  if (!adminSecret) throw new CommandError('usage', 'Give --admin-secret, or set HASURA_GRAPHQL_ADMIN_SECRET')
  if (![flags.managerRole, flags.userRole].every(isRoleName))
    throw new CommandError(
      'usage',
      '--manager-role and --user-role need a name without control characters and without white space at its ends',
    )
  const roles = parseRoles(flags.managerRole, flags.userRole, process.env.AUTH_ANONYMOUS_ROLE)
  const schema = flags.schema ?? (await readSchema(process.env, flags.timeout))
  const calls = toCalls(describeTables(roles, schema, flags.prefix), flags.source)
  const fetch = await createFetch(parseProxies(process.env))
  const api = createMetadataApi({ endpoint, fetch, timeout: flags.timeout * 1000 }, adminSecret)
  const exported = await api.export()
  const { missing, differs, taken } = compareMetadata(exported, calls, flags.source)
  const used = findUsedRelationships(calls)
  return {
    api,
    version: exported.resource_version,
    describeCall,
    missing,
    differs,
    taken: taken.map((each) => ({ ...each, table: describeTable(each.table) })),
    inTheWay: differs.map(({ call }) => call).filter((call) => used.includes(call)),
  }
}

/** Creates the error for relationships that differ: a permission through another relationship protects nothing. */
function refuseOver(relationships: readonly string[]): CommandError {
  return new CommandError(
    'relationship_differs',
    `The permissions need relationships that are different in Hasura. Nothing was changed. Rename or remove in Hasura: ${relationships.join('; ')}`,
  )
}

/** Creates the error for tables that cannot get their GraphQL name. */
function refuseNames(
  taken: readonly { name: string; isField: boolean; table: string; other: string }[],
): CommandError {
  const names = taken.map(({ name, isField, table, other }) =>
    isField
      ? `${other} has the root field ${name}, as ${table} would have`
      : `${other} is named ${name}, as ${table} would be`,
  )
  return new CommandError(
    'graphql_name_taken',
    `Hasura has the same names in GraphQL already. Nothing was changed. Give the gateway's tables other names (--prefix gate_), or change these names in Hasura: ${names.map(printable).join('; ')}`,
  )
}

/** Returns the schema that DATABASE_URL leads to, in a time limit in seconds; `public` without DATABASE_URL. */
async function readSchema(env: NodeJS.ProcessEnv, timeout: number): Promise<string> {
  const [{ readSecretVariable }, { connectServer }] = await Promise.all([
    import('../process/secret-files.ts'),
    import('../database/postgres.ts'),
  ])
  const url = readSecretVariable('DATABASE_URL', env)
  if (!url) return 'public'
  try {
    const connection = connectServer(url, () => {}, timeout)
    return await connection.schema().finally(() => connection.close())
  } catch (error) {
    throw new CommandError(
      'database_unavailable',
      `${toOpenError(error).message}. So the schema of the tables is unknown: set --schema, such as --schema public`,
      { cause: error },
    )
  }
}

async function requireConsistent(api: MetadataApi): Promise<void> {
  const problems = await api.findInconsistent()
  if (problems.length === 0) return
  throw new CommandError(
    'hasura_inconsistent',
    `The metadata of Hasura is inconsistent. Nothing was changed. Repair in Hasura: ${problems.slice(0, 3).map(printable).join('; ')}`,
  )
}

/**
 * Validates the roles that get permissions. The manager role controls the roles of all users, so it must differ from the
 * user role. A client without a token chooses its own user id in the headers, so neither role may be the role of such
 * requests. `anonymousRole` is AUTH_ANONYMOUS_ROLE. Throws `usage`.
 */
function parseRoles(manager: string, user: string, anonymousRole = ''): MetadataRoles {
  const unusable = ['', 'admin', 'anonymous', anonymousRole.trim()]
  if (unusable.includes(manager.trim()) || manager === user)
    throw new CommandError(
      'usage',
      '--manager-role must be a role of its own: not admin, not anonymous, not AUTH_ANONYMOUS_ROLE, and not --user-role',
    )
  if (unusable.includes(user.trim()))
    throw new CommandError(
      'usage',
      '--user-role must be a role that requires a token: not admin, not anonymous, not AUTH_ANONYMOUS_ROLE',
    )
  return { manager, user }
}
