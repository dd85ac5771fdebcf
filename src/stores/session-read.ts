import type * as z from 'zod'
import type { ActiveSession, Profile } from '../context.ts'
import { createBatch } from '../database/batch.ts'
import type { Database, Statement } from '../database/database.ts'
import { accessRow, columns, selectAccess, unended } from './access.ts'
import { profileColumns, profileRow } from './users.ts'

const sessionsById = `s AS (SELECT ${columns} FROM {session} s, {user} u WHERE s.id = ANY ($1) AND ${unended})`

const read = { name: 'session_read', text: selectAccess(sessionsById) }

const readProfile = { name: 'session_read_profile', text: selectAccess(sessionsById, profileColumns) }

type Read<Row> = (sessionId: string, userId: string, now: Date) => Promise<Row | null>

/**
 * Reads of a session of a user that is neither revoked nor expired; null without such a session. Concurrent reads share
 * a statement.
 */
export function createSessionReads(query: Database['query']) {
  return {
    read: createRead<ActiveSession>(query, read, accessRow),

    /** Reads the session as `read` does, with the profile of its user. */
    readProfile: createRead<ActiveSession & Profile>(query, readProfile, accessRow.extend(profileRow.shape)),
  }
}

function createRead<Row extends ActiveSession>(
  query: Database['query'],
  statement: Statement,
  row: z.ZodType<Row>,
): Read<Row> {
  const byId = createBatch(async (ids) => {
    const found = await query<{ sessionId: string }>(statement, [ids])
    // Another program may have written an invalid row, which must not fail the other sessions.
    return new Map(found.map((each) => [each.sessionId, row.safeParse(each)]))
  })
  return async (sessionId, userId, now) => {
    const found = await byId(sessionId)
    if (found === null) return null
    if (!found.success) throw found.error
    const { data } = found
    return data.userId === userId && data.idleExpiresAt > now && data.expiresAt > now ? data : null
  }
}
