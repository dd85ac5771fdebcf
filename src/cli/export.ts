import type { Command } from 'commander'
import type { CommandContext } from './context.ts'
import { examples } from './output.ts'

/** Registers `export`. */
export function registerExport(program: Command, context: CommandContext): void {
  program
    .command('export')
    .summary('write users, roles, sessions and signing keys to a file')
    .description(
      'Writes users, roles, claims, identities, sessions and signing keys for `claimgate import claimgate`. The file has password hashes, and is as secret as the database. AUTH_SECRET is not in it.',
    )
    .option('--output <file>', 'a new file, which only its owner can read; the default is standard output')
    .addHelpText(
      'after',
      examples('claimgate export --output claimgate.jsonl', 'claimgate export | gzip > claimgate.jsonl.gz'),
    )
    .action(async ({ output }: { output?: string }) => {
      const { exportData } = await import('./transfer-actions.ts')
      await exportData(context, output)
    })
}
