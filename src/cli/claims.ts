import type { Command } from 'commander'
import { type CommandContext, onDeployment } from './context.ts'
import { examples } from './output.ts'

const actions = () => import('./claim-actions.ts')

/** Registers the `claims` commands. */
export function registerClaims(program: Command, context: CommandContext): void {
  const claims = program
    .command('claims')
    .summary('show and change the claims of a user')
    .description(
      'Claims: the session variables of a user in Hasura. <user> is a username, in any case, or an id.',
    )
  claims
    .command('set')
    .summary('set a claim of a user')
    .description(
      'Sets the session variable x-hasura-<name> of a user, from the next token and the next answer of the webhook. The value is JSON, or else text.',
    )
    .argument('<user>')
    .argument('<name>')
    .argument('<value>')
    .addHelpText(
      'after',
      examples('claimgate claims set alice org-id acme', "claimgate claims set alice team-ids '[3, 7]'"),
    )
    .action(onDeployment(context, async () => (await actions()).setClaim))
  claims
    .command('unset')
    .summary('remove a claim of a user')
    .description(
      'Removes the session variable x-hasura-<name> of a user, from the next token and the next answer of the webhook.',
    )
    .argument('<user>')
    .argument('<name>')
    .addHelpText('after', examples('claimgate claims unset alice org-id'))
    .action(onDeployment(context, async () => (await actions()).unsetClaim))
  claims
    .command('preview')
    .summary('show the claims of a user')
    .description(
      'Shows the claims in a new access token of the user, and the answer of the webhook to this token.',
    )
    .argument('<user>')
    .option('--role <role>', 'the x-hasura-role of the client in the request to the webhook')
    .addHelpText(
      'after',
      examples('claimgate claims preview alice', 'claimgate claims preview alice --role editor'),
    )
    .action(onDeployment(context, async () => (await actions()).preview))
}
