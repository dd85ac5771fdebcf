import type { Command } from 'commander'
import { type CommandContext, onDeployment } from './context.ts'
import { CommandError } from './failure.ts'
import { examples } from './output.ts'

const actions = () => import('./role-actions.ts')

/** Registers the `role` commands. */
export function registerRole(program: Command, context: CommandContext): void {
  const role = program
    .command('role')
    .summary('create, list, grant and revoke roles')
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
  role
    .command('grant')
    .summary('grant a role to a user')
    .description('Grants a role to a user. A user who has the role keeps it.')
    .argument('<user>')
    .argument('<role>')
    .addHelpText('after', examples('claimgate role grant alice editor'))
    .action(onDeployment(context, async () => (await actions()).grantRole))
  role
    .command('revoke')
    .summary('revoke a role of a user')
    .description(
      'Revokes a role of a user. If it was the default role, the default role of the deployment replaces it.',
    )
    .argument('<user>')
    .argument('<role>')
    .addHelpText('after', examples('claimgate role revoke alice editor'))
    .action(onDeployment(context, async () => (await actions()).revokeRole))
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
