import type { Command } from 'commander'
import { type CommandContext, type OpenDeployment, onDeployment } from './context.ts'
import { CommandError } from './failure.ts'
import { examples, type Output, quote } from './output.ts'
import type { NamedUsers } from './role-actions.ts'

const actions = () => import('./role-actions.ts')

type ChangeOfUsers = (opened: OpenDeployment, users: NamedUsers, role: string) => Promise<Output>

type RevokeOptions = { provider?: string; yes?: true; usersFrom?: string }

/** Returns a commander action for the users and the role of a command line, and the users of a file. */
function changeMany(context: CommandContext, load: () => Promise<ChangeOfUsers>) {
  return async (names: string[], { usersFrom }: { usersFrom?: string }) => {
    const role = names.at(-1) ?? ''
    const listed =
      usersFrom === undefined
        ? []
        : await (await import('./terminal.ts')).readLines(context.process, usersFrom)
    const users = [...new Set([...names.slice(0, -1), ...listed])]
    if (users.length === 0)
      throw new CommandError(
        'usage',
        usersFrom === undefined
          ? 'give a user and then a role, or a role and --users-from <file>'
          : `The file ${quote(usersFrom)} names no user`,
      )
    const isMany = usersFrom !== undefined || names.length > 2
    await onDeployment(context, load)({ names: users, isMany }, role)
  }
}

/** Registers the `role` commands. */
export function registerRole(program: Command, context: CommandContext): void {
  const role = program
    .command('role')
    .summary('create, list, rename, delete, grant and revoke roles')
    .description(
      'Roles. <user> is a username, in any case, or an id. Changes reach tokens at their next refresh.',
    )
  role
    .command('create')
    .summary('create a role')
    .description('Creates a role with the name in the permissions of Hasura.')
    .argument('<role>')
    .addHelpText('after', examples('claimgate role create editor'))
    .action(onDeployment(context, async () => (await actions()).createRole, { mayCreate: true }))
  role
    .command('list')
    .summary('list the roles')
    .description('Lists the roles with the number of their users.')
    .addHelpText('after', examples('claimgate role list'))
    .action(onDeployment(context, async () => (await actions()).listRoles))
  const forMany = (verb: 'grant' | 'revoke', names: '<names...>' | '[names...]') =>
    role
      .command(verb)
      .usage('[options] <user>... <role>')
      .argument(names, 'users, and the role as the last name')
      .option('--users-from <file>', 'a file with a user on each line, or - for standard input')
  forMany('grant', '<names...>')
    .summary('grant a role to users')
    .description('Grants a role to users, to all of them or to none. A user who has the role keeps it.')
    .addHelpText(
      'after',
      examples(
        'claimgate role grant alice editor',
        'claimgate role grant alice bob editor',
        'claimgate role grant editor --users-from team.txt',
      ),
    )
    .action(changeMany(context, async () => (await actions()).grantRole))
  const revokeMany = changeMany(context, async () => (await actions()).revokeRole)
  forMany('revoke', '[names...]')
    .summary('revoke a role of users, or the roles of a provider')
    .description(
      'Revokes a role of users, of all of them or of none. With --provider, revokes all roles that the sign-ins of a provider have granted. If one was the default role, the default role of the deployment replaces it.',
    )
    .option('--provider <name>', 'revoke all roles that this provider has granted instead')
    .option('--yes', 'revoke the roles of a provider without asking')
    .addHelpText(
      'after',
      examples(
        'claimgate role revoke alice editor',
        'claimgate role revoke editor --users-from team.txt',
        'claimgate role revoke --provider acme --yes',
      ),
    )
    .action(async (names: string[], { provider, yes, usersFrom }: RevokeOptions) => {
      if (provider === undefined) return revokeMany(names, usersFrom === undefined ? {} : { usersFrom })
      if (names.length > 0 || usersFrom !== undefined)
        throw new CommandError('usage', 'give --provider <name> alone, or users and a role')
      await (await actions()).revokeOfProvider(context, provider, yes === true)
    })
  role
    .command('rename')
    .summary('rename a role')
    .description('Renames a role, whose users keep it. The permissions of Hasura are not changed.')
    .argument('<role>')
    .argument('<new-name>')
    .addHelpText('after', examples('claimgate role rename editor author'))
    .action(onDeployment(context, async () => (await actions()).renameRole))
  role
    .command('delete')
    .summary('delete a role permanently')
    .description('Deletes a role, and takes it from all users.')
    .argument('<role>')
    .option('--yes', 'delete without asking')
    .addHelpText('after', examples('claimgate role delete editor --yes'))
    .action(async (name: string, { yes }: { yes?: true }) => {
      await (await actions()).deleteRole(context, name, yes === true)
    })
  role
    .command('default')
    .summary('set the default role of a user')
    .description(
      'Sets one of the roles of a user as the default role. With --clear, the default role of the deployment applies.',
    )
    .argument('<user>')
    .argument('[role]')
    .option('--clear', 'use the default role of the deployment')
    .addHelpText(
      'after',
      examples('claimgate role default alice editor', 'claimgate role default alice --clear'),
    )
    .action((user: string, name: string | undefined, { clear = false }: { clear?: boolean }) => {
      if ((name === undefined) !== clear) throw new CommandError('usage', 'give either a role or --clear')
      return onDeployment(context, async () => {
        const { clearDefault, setDefault } = await actions()
        return (opened) => (name === undefined ? clearDefault(opened, user) : setDefault(opened, user, name))
      })()
    })
}
