import type { Command } from 'commander'
import { z } from 'zod'
import { createSessionAdmin, createSessions } from '../stores/sessions.ts'
import { type CommandContext, type OpenDeployment, onDeployment } from './context.ts'
import { CommandError } from './failure.ts'
import { findUser } from './find.ts'
import { count, examples, type Output, quote, table } from './output.ts'

/** Registers the `session` commands. */
export function registerSession(program: Command, context: CommandContext): void {
  const session = program
    .command('session')
    .summary('list and end sessions')
    .description('Sessions: one for each sign-in. <user> is a username, in any case, or an id.')
  session
    .command('list')
    .summary('list the sessions of a user')
    .description('Lists the living sessions of a user, the last used first.')
    .argument('<user>')
    .addHelpText('after', examples('claimgate session list alice'))
    .action(onDeployment(context, listSessions))
  session
    .command('revoke')
    .summary('end one session, or all of a user')
    .description(
      'Ends a session, or with --all every session of a user. Gateways see it at the next request.',
    )
    .argument('[id]', 'of the session')
    .option('--all <user>', 'end all sessions of this user instead')
    .addHelpText(
      'after',
      examples(
        'claimgate session revoke 9b2e5d52-3f0b-4a52-9f0e-2f6f5e0d8a11',
        'claimgate session revoke --all alice',
      ),
    )
    .action((id: string | undefined, { all }: { all?: string }) => {
      if (id !== undefined && all === undefined) return onDeployment(context, revokeOne)(id)
      if (id === undefined && all !== undefined) return onDeployment(context, revokeAll)(all)
      throw new CommandError('usage', 'give either the id of a session or --all <user>')
    })
}

async function listSessions({ database, config, now }: OpenDeployment, nameOrId: string): Promise<Output> {
  const { id, username } = await findUser(database, nameOrId)
  const sessions = await createSessions(database, config.sessionLifetimes).list(id, now)
  const rows = sessions.map((session) => [
    session.id,
    session.address,
    session.createdAt,
    session.lastUsedAt,
    session.expiresAt,
    session.userAgent,
  ])
  const headings = ['ID', 'ADDRESS', 'CREATED', 'LAST USED', 'EXPIRES', 'DEVICE']
  return { document: { id, username, sessions }, text: table(headings, rows, 'No sessions.') }
}

async function revokeOne({ database, now }: OpenDeployment, id: string): Promise<Output> {
  const isEnded = z.guid().safeParse(id).success && (await createSessionAdmin(database).revoke(id, now))
  if (!isEnded) throw new CommandError('session_not_found', `There is no living session ${quote(id)}`)
  return { document: { revoked: 1 }, text: 'Ended the session.' }
}

async function revokeAll({ database, now }: OpenDeployment, nameOrId: string): Promise<Output> {
  const { id, username } = await findUser(database, nameOrId)
  const revoked = await createSessionAdmin(database).revokeAll(id, now)
  return {
    document: { id, username, revoked },
    text: `Ended ${count(revoked, 'session')} of ${quote(username)}.`,
  }
}
