import type { Command } from 'commander'
import { type CommandContext, onDeployment } from './context.ts'
import { CommandError } from './failure.ts'
import { examples } from './output.ts'

const actions = () => import('./role-actions.ts')

/** Registers the `role` commands. */
export function registerRole(program: Command, context: CommandContext): void {
  const role = program
    .command('role')
    .summary('make roles, and say who has them')
    .description(
      'Roles. <user> is a username, in any case, or an id. Changes reach tokens at their next refresh.',
    )
  role
    .command('create')
    .summary('make a role')
    .description('Makes a role of the name that the permissions in Hasura use.')
    .argument('<role>')
    .addHelpText('after', examples('claimgate role create editor'))
    .action(onDeployment(context, async () => (await actions()).createRole, { mayCreate: true }))
  role
    .command('list')
    .summary('list the roles')
    .description('Lists the roles, and how many users have each.')
    .addHelpText('after', examples('claimgate role list'))
    .action(onDeployment(context, async () => (await actions()).listRoles))
  role
    .command('grant')
    .summary('give a role to a user')
    .description('Gives a role to a user; one who has it keeps it.')
    .argument('<user>')
    .argument('<role>')
    .addHelpText('after', examples('claimgate role grant alice editor'))
    .action(onDeployment(context, async () => (await actions()).grantRole))
  role
    .command('revoke')
    .summary('take a role from a user')
    .description(
      'Takes a role from a user. If it was their default role, that of the deployment takes its place.',
    )
    .argument('<user>')
    .argument('<role>')
    .addHelpText('after', examples('claimgate role revoke alice editor'))
    .action(onDeployment(context, async () => (await actions()).revokeRole))
  role
    .command('default')
    .summary('choose the role that a user has by default')
    .description(
      'Chooses one of the roles of a user as their default, or with --clear leaves it to the deployment.',
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
