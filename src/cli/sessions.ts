import type { Command } from 'commander'
import { type CommandContext, onDeployment } from './context.ts'
import { CommandError } from './failure.ts'
import { examples } from './output.ts'
import { maxPage, parseLimit } from './users.ts'

const actions = () => import('./session-actions.ts')

type RevokeOptions = { all?: string; everybody?: true; yes?: true }

/** Registers the `session` commands. */
export function registerSession(program: Command, context: CommandContext): void {
  const session = program
    .command('session')
    .summary('list and end sessions')
    .description('Sessions: one for each sign-in. <user> is a username, in any case, or an id.')
  session
    .command('list')
    .summary('list the sessions of a user')
    .description('Lists the active sessions of a user; the last used session is first.')
    .argument('<user>')
    .option('--limit <number>', `the number of sessions, at most ${maxPage}`, parseLimit, 100)
    .option('--after <position>', 'list the sessions after this position, which the page before names')
    .addHelpText('after', examples('claimgate session list alice', 'claimgate session list alice --limit 20'))
    .action(onDeployment(context, async () => (await actions()).listSessions))
  session
    .command('revoke')
    .summary('end one session, or all sessions of one or every user')
    .description(
      'Ends a session, or with --all every session of a user. Gateways apply it at the next request. An access token that Hasura checks itself stays valid until it expires.',
    )
    .argument('[id]', 'the id of the session')
    .option('--all <user>', 'end all sessions of this user instead')
    .option('--everybody', 'end all sessions of all users instead')
    .option('--yes', 'end the sessions of all users without asking')
    .addHelpText(
      'after',
      examples(
        'claimgate session revoke 9b2e5d52-3f0b-4a52-9f0e-2f6f5e0d8a11',
        'claimgate session revoke --all alice',
        'claimgate session revoke --everybody --yes',
      ),
    )
    .action(async (id: string | undefined, { all, everybody, yes }: RevokeOptions) => {
      if ([id, all, everybody].filter((choice) => choice !== undefined).length !== 1)
        throw new CommandError('usage', 'give the id of a session, --all <user> or --everybody')
      const { revokeAll, revokeEverybody, revokeOne } = await actions()
      if (everybody) return revokeEverybody(context, yes === true)
      if (id !== undefined) return onDeployment(context, async () => revokeOne)(id)
      return onDeployment(context, async () => revokeAll)(all as string)
    })
}
