import type { Command } from 'commander'
import type { Config } from '../config/config.ts'
import type { Connection } from '../database/database.ts'
import { root } from '../root.ts'
import { type CommandContext, hasDatabase, print } from './context.ts'
import { CommandError, toOpenError } from './failure.ts'
import { examples, type Output, quote, table } from './output.ts'

/** Registers `migrate`. */
export function registerMigrate(program: Command, context: CommandContext): void {
  program
    .command('migrate')
    .summary('apply the migrations to the database')
    .description(
      'Applies all pending migrations, and creates the embedded database if it does not exist. The gateway does the same when it starts.',
    )
    .option('--status', 'list the migrations, and change nothing')
    .option(
      '--grant <user>',
      'give this user of the server the rights to serve, without the right to migrate',
    )
    .addHelpText(
      'after',
      examples('claimgate migrate', 'claimgate migrate --status --json', 'claimgate migrate --grant gateway'),
    )
    .action(async ({ status, grant }: { status?: true; grant?: string }) => {
      if (status && grant !== undefined)
        throw new CommandError('usage', '--status changes nothing, so it excludes --grant')
      const config = await context.loadConfig()
      if (grant !== undefined && config.databaseUrl === undefined)
        throw new CommandError('usage', '--grant needs DATABASE_URL: the embedded database has no users')
      const work = status ? readStatus(context, config) : migrateAll(context, config, grant)
      print(
        context,
        await work.catch((error) => {
          throw toOpenError(error)
        }),
      )
    })
}

async function migrateAll(
  context: CommandContext,
  config: Config,
  grant: string | undefined,
): Promise<Output> {
  const [{ migrate }, { grantServing }] = await Promise.all([
    import('../migrations/migrate.ts'),
    import('../migrations/rights.ts'),
  ])
  const created = !(await hasDatabase(config))
  const { applied, granted } = await withConnection(context, config, async (connection) => ({
    applied: await migrate(connection, root),
    granted:
      grant === undefined
        ? []
        : await grantServing(connection, grant).catch((cause: Error) => {
            throw new CommandError(
              'failed',
              `The user ${quote(grant)} was given no rights: ${cause.message}`,
              { cause },
            )
          }),
  }))
  const lines = [
    ...(created ? [`Created a database in ${config.dataDir}.`] : []),
    ...applied.map((name) => `Applied ${name}.`),
    'The database is up to date.',
    ...granted.map((statement) => `Ran ${statement}`),
  ]
  return { document: { created, applied, ...(grant !== undefined && { granted }) }, text: lines.join('\n') }
}

async function readStatus(context: CommandContext, config: Config): Promise<Output> {
  const [{ findApplied }, { findMigrationNames }] = await Promise.all([
    import('../migrations/history.ts'),
    import('../migrations/migrate.ts'),
  ])
  const names = await findMigrationNames(root)
  const found: ReadonlySet<string> = (await hasDatabase(config))
    ? await withConnection(context, config, findApplied)
    : new Set()
  const migrations = names.map((name) => ({ name, applied: found.has(name) }))
  const unknown = [...found].filter((name) => !names.includes(name)).sort()
  const rows = [
    ...migrations.map(({ name, applied }) => [name, applied]),
    ...unknown.map((name) => [name, 'yes, and not of this version']),
  ]
  return {
    document: { migrations, pending: migrations.filter(({ applied }) => !applied).length, unknown },
    text: table(['MIGRATION', 'APPLIED'], rows, 'No migrations.'),
  }
}

async function withConnection<T>(
  { loadLog }: CommandContext,
  config: Config,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const { connectDatabase } = await import('../database/open.ts')
  const connection = await connectDatabase(config, root, await loadLog())
  try {
    return await work(connection)
  } finally {
    await connection.close()
  }
}
