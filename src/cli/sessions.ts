import type { Command } from 'commander'
import { type CommandContext, onDeployment } from './context.ts'
import { CommandError } from './failure.ts'
import { examples } from './output.ts'
import { maxPage, parseLimit } from './users.ts'

const actions = () => import('./session-actions.ts')

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
    .summary('end one session, or all sessions of a user')
    .description(
      'Ends a session, or with --all every session of a user. Gateways apply it at the next request.',
    )
    .argument('[id]', 'the id of the session')
    .option('--all <user>', 'end all sessions of this user instead')
    .addHelpText(
      'after',
      examples(
        'claimgate session revoke 9b2e5d52-3f0b-4a52-9f0e-2f6f5e0d8a11',
        'claimgate session revoke --all alice',
      ),
    )
    .action((id: string | undefined, { all }: { all?: string }) => {
      if (id !== undefined && all === undefined)
        return onDeployment(context, async () => (await actions()).revokeOne)(id)
      if (id === undefined && all !== undefined)
        return onDeployment(context, async () => (await actions()).revokeAll)(all)
      throw new CommandError('usage', 'give either the id of a session or --all <user>')
    })
}
