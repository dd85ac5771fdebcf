import * as z from 'zod'
import { createSessionList, formatPosition, mostSessions, parsePosition } from '../stores/session-list.ts'
import { createSessionAdmin } from '../stores/sessions.ts'
import { type CommandContext, type OpenDeployment, print, withDeployment } from './context.ts'
import { CommandError } from './failure.ts'
import { findUser } from './find.ts'
import { count, type Output, quote, table } from './output.ts'
import { confirm } from './terminal.ts'

/** Lists one page of the active sessions of a user. Throws `user_not_found` and `usage`. */
export async function listSessions(
  { database, now }: OpenDeployment,
  nameOrId: string,
  { limit, after }: { limit: number; after?: string },
): Promise<Output> {
  const position = after === undefined ? null : parsePosition(after)
  if (after !== undefined && position === null)
    throw new CommandError('usage', '--after takes the position that the page before names as the next page')
  const { id, username } = await findUser(database, nameOrId)
  const page = await createSessionList(database).read(id, now, limit, position)
  const { sessions } = page
  const next = page.next && formatPosition(page.next)
  const rows = sessions.map((session) => [
    session.id,
    session.address,
    session.createdAt,
    session.lastUsedAt,
    session.expiresAt,
    session.userAgent,
  ])
  const headings = ['ID', 'ADDRESS', 'CREATED', 'LAST USED', 'EXPIRES', 'DEVICE']
  const more = next === null ? '' : `\nNext page: claimgate session list ${id} --after ${next}`
  return { document: { id, username, sessions, next }, text: table(headings, rows, 'No sessions.') + more }
}

/** Ends a session. Throws `session_not_found`. */
export async function revokeOne({ database, now }: OpenDeployment, id: string): Promise<Output> {
  const isEnded = z.guid().safeParse(id).success && (await createSessionAdmin(database).revoke(id, now))
  if (!isEnded)
    throw new CommandError(
      'session_not_found',
      `There is no active session ${quote(id)}; list sessions with: claimgate session list`,
    )
  return { document: { revoked: 1 }, text: 'Ended the session.' }
}

/** Ends all sessions of all users after confirmation. Throws `interrupted`. */
export async function revokeEverybody(context: CommandContext, isSure: boolean): Promise<void> {
  if (!isSure) await confirm(context.process, 'End all sessions of all users?')
  const users = await withDeployment(context, ({ database }) =>
    createSessionAdmin(database).revokeEverybody(),
  )
  print(context, { document: { users }, text: `Ended all sessions of ${count(users, 'user')}.` })
}

/** Ends all sessions of a user, and counts them up to a bound. Throws `user_not_found`. */
export async function revokeAll({ database, now }: OpenDeployment, nameOrId: string): Promise<Output> {
  const { id, username } = await findUser(database, nameOrId)
  const revoked = await createSessionList(database).count(id, now)
  await createSessionAdmin(database).revokeAll(id)
  const number = revoked < mostSessions ? count(revoked, 'session') : `${mostSessions} sessions or more`
  return { document: { id, username, revoked }, text: `Ended ${number} of ${quote(username)}.` }
}
