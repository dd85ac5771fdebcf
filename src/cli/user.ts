import type { Command } from 'commander'
import type { CommandContext } from './context.ts'
import { registerUserChanges } from './user-changes.ts'
import { registerUserCreate } from './user-create.ts'
import { registerUserRead } from './user-read.ts'

/** Registers the `user` commands. */
export function registerUser(program: Command, context: CommandContext): void {
  const user = program
    .command('user')
    .summary('make, list, change and delete users')
    .description('Users. <user> is a username, in any case, or an id.')
  registerUserCreate(user, context)
  registerUserRead(user, context)
  registerUserChanges(user, context)
}
