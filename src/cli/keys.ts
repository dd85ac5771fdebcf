import type { Command } from 'commander'
import type { CommandContext } from './context.ts'
import { registerKeyImport } from './keys-import.ts'
import { registerKeyList } from './keys-list.ts'
import { registerKeyRotation } from './keys-rotate.ts'

/** Registers the `keys` commands. */
export function registerKeys(program: Command, context: CommandContext): void {
  const keys = program
    .command('keys')
    .summary('list, rotate, retire and import signing keys')
    .description(
      'The keys that sign access tokens: the active one signs, the next one is published before it does, and a retiring one stays published until its last token has expired.',
    )
  registerKeyList(keys, context)
  registerKeyRotation(keys, context)
  registerKeyImport(keys, context)
}
