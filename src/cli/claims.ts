import type { Command } from 'commander'
import { type CommandContext, onDeployment } from './context.ts'
import { examples } from './output.ts'

const actions = () => import('./claim-actions.ts')

/** Registers the `claims` commands. */
export function registerClaims(program: Command, context: CommandContext): void {
  const claims = program
    .command('claims')
    .summary('show and change what Hasura is told of a user')
    .description('What Hasura is told of a user. <user> is a username, in any case, or an id.')
  claims
    .command('set')
    .summary('give a user a claim')
    .description(
      "Gives a user the session variable x-hasura-<name>, from the next token and the webhook's next answer on. The value is JSON, or else text.",
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
    .summary('take a claim from a user')
    .argument('<user>')
    .argument('<name>')
    .addHelpText('after', examples('claimgate claims unset alice org-id'))
    .action(onDeployment(context, async () => (await actions()).unsetClaim))
  claims
    .command('preview')
    .summary('show the claims of a user')
    .description(
      'Shows what Hasura reads in a token that the user would get now, and what the webhook would answer to it.',
    )
    .argument('<user>')
    .option('--role <role>', 'the x-hasura-role that the client asks the webhook for')
    .addHelpText(
      'after',
      examples('claimgate claims preview alice', 'claimgate claims preview alice --role editor'),
    )
    .action(onDeployment(context, async () => (await actions()).preview))
}
