import { z } from 'zod'
import { createSessionAdmin, createSessions } from '../stores/sessions.ts'
import type { OpenDeployment } from './context.ts'
import { CommandError } from './failure.ts'
import { findUser } from './find.ts'
import { count, type Output, quote, table } from './output.ts'

/** Lists the active sessions of a user. Throws `user_not_found`. */
export async function listSessions(
  { database, config, now }: OpenDeployment,
  nameOrId: string,
): Promise<Output> {
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

/** Ends all sessions of a user. Throws `user_not_found`. */
export async function revokeAll({ database, now }: OpenDeployment, nameOrId: string): Promise<Output> {
  const { id, username } = await findUser(database, nameOrId)
  const revoked = await createSessionAdmin(database).revokeAll(id, now)
  return {
    document: { id, username, revoked },
    text: `Ended ${count(revoked, 'session')} of ${quote(username)}.`,
  }
}
