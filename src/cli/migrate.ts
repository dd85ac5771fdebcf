import type { Command } from 'commander'
import type { Config } from '../config/config.ts'
import type { Connection } from '../database/database.ts'
import { type CommandContext, hasDatabase, print } from './context.ts'
import { toOpenError } from './failure.ts'
import { examples, type Output, table } from './output.ts'

/** Registers `migrate`. */
export function registerMigrate(program: Command, context: CommandContext): void {
  program
    .command('migrate')
    .summary('apply the migrations to the database')
    .description(
      'Applies all pending migrations, and creates the embedded database if it does not exist. The gateway does the same when it starts.',
    )
    .option('--status', 'list the migrations, and change nothing')
    .addHelpText('after', examples('claimgate migrate', 'claimgate migrate --status --json'))
    .action(async ({ status }: { status?: true }) => {
      const config = await context.loadConfig()
      const work = status ? readStatus(context, config) : migrateAll(context, config)
      print(
        context,
        await work.catch((error) => {
          throw toOpenError(error)
        }),
      )
    })
}

async function migrateAll(context: CommandContext, config: Config): Promise<Output> {
  const { migrate } = await import('../migrations/migrate.ts')
  const { root } = await import('../process/settings.ts')
  const created = !(await hasDatabase(config))
  const applied = await withConnection(context, config, (connection) => migrate(connection, root))
  const lines = [
    ...(created ? [`Created a database in ${config.dataDir}.`] : []),
    ...applied.map((name) => `Applied ${name}.`),
    'The database is up to date.',
  ]
  return { document: { created, applied }, text: lines.join('\n') }
}

async function readStatus(context: CommandContext, config: Config): Promise<Output> {
  const [{ findPending }, { findMigrationNames }, { root }] = await Promise.all([
    import('../migrations/migrate.ts'),
    import('../migrations/migrate.ts'),
    import('../process/settings.ts'),
  ])
  const names = await findMigrationNames(root)
  const pending = (await hasDatabase(config))
    ? await withConnection(context, config, (connection) => findPending(connection, root))
    : names
  const migrations = names.map((name) => ({ name, applied: !pending.includes(name) }))
  const rows = migrations.map(({ name, applied }) => [name, applied])
  return {
    document: { migrations, pending: pending.length },
    text: table(['MIGRATION', 'APPLIED'], rows, 'No migrations.'),
  }
}

async function withConnection<T>(
  { loadLog }: CommandContext,
  config: Config,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const { connectDatabase } = await import('../database/open.ts')
  const { root } = await import('../process/settings.ts')
  const connection = await connectDatabase(config, root, await loadLog())
  try {
    return await work(connection)
  } finally {
    await connection.close()
  }
}
