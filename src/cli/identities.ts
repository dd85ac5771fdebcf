import type { Command } from 'commander'
import { type CommandContext, onDeployment } from './context.ts'
import { examples } from './output.ts'

const actions = () => import('./identity-actions.ts')

/** Registers the `identity` commands. */
export function registerIdentity(program: Command, context: CommandContext): void {
  const identity = program
    .command('identity')
    .summary('list and unlink identities at providers')
    .description(
      'Identities: the accounts at providers with which a user signs in. <user> is a username, in any case, or an id.',
    )
  identity
    .command('list')
    .summary('list the identities of a user')
    .description('Lists the identities of a user; the oldest is first.')
    .argument('<user>')
    .addHelpText('after', examples('claimgate identity list alice'))
    .action(onDeployment(context, async () => (await actions()).listIdentities))
  identity
    .command('unlink')
    .summary('unlink a provider from a user')
    .description(
      'Unlinks a provider from a user, and ends the sessions that began with it. The last way to sign in stays.',
    )
    .argument('<user>')
    .argument('<provider>', 'the name of the provider, such as github')
    .addHelpText('after', examples('claimgate identity unlink alice github'))
    .action(onDeployment(context, async () => (await actions()).unlinkIdentity))
}
