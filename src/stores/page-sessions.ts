import type { ActiveSession } from '../context.ts'
import type { Database } from '../database/database.ts'
import { parseAccess, selectAccess } from './access.ts'
import { after, authTime, columns, type Device, living, type SessionLifetimes } from './sessions.ts'

// The locks make a change of the user or an end of the other session wait for this one, or this one for them.
const beginSecond = {
  name: 'session_begin_beside',
  text: selectAccess(`s AS (
    INSERT INTO session AS s (user_id, created_at, idle_expires_at, expires_at, user_agent, address,
      auth_time, amr, level, provider)
    SELECT u.id, $1, least($4, s.expires_at), least($5, s.expires_at), $6, $7,
      ${authTime}, s.amr, s.level, s.provider FROM "user" u JOIN session s ON s.user_id = u.id
    WHERE s.id = $2 AND u.id = $3 AND u.active AND ${living} FOR SHARE
    RETURNING ${columns})`),
}

const extend = {
  name: 'session_extend',
  text: `UPDATE session s SET idle_expires_at = $3, rotated_at = $1
    WHERE s.id = $2 AND s.idle_expires_at < $3 AND ${living}`,
}

const revokeOthers = {
  name: 'session_revoke_others',
  text: `UPDATE session s SET revoked_at = $1, revoked_reason = 'user'
    WHERE s.user_id = $3 AND s.id <> $2 AND ${living} RETURNING s.id`,
}

// In seconds.
const longestUnnoticed = 3600

export type PageSessions = ReturnType<typeof createPageSessions>

/** Operations of the pages on the `session` table. Page sessions are extended without a refresh token. */
export function createPageSessions({ query }: Pick<Database, 'query'>, lifetimes: SessionLifetimes) {
  const step = Math.min(longestUnnoticed, lifetimes.idle / 4) * 1000
  return {
    /**
     * Starts a second session for the user of a valid session, with `idle` seconds to its first use. Returns null when
     * the first session has ended. The second session ends at the latest with the first: both have one authentication.
     */
    beginSecond: async (
      { sessionId, userId }: Pick<ActiveSession, 'sessionId' | 'userId'>,
      device: Device,
      now: Date,
      idle: number,
    ): Promise<ActiveSession | null> =>
      parseAccess(
        await query(beginSecond, [
          now,
          sessionId,
          userId,
          after(now, Math.min(idle, lifetimes.absolute)),
          after(now, lifetimes.absolute),
          device.userAgent,
          device.address,
        ]),
      ),

    /** Notes that a session is in use, so that it does not end as idle. Writes once an hour, or four times in `idle` when that is less. */
    extend: async (access: Pick<ActiveSession, 'sessionId' | 'idleExpiresAt' | 'expiresAt'>, now: Date) => {
      const until = Math.min(after(now, lifetimes.idle).getTime(), access.expiresAt.getTime())
      if (until - access.idleExpiresAt.getTime() < step) return
      await query(extend, [now, access.sessionId, new Date(until)])
    },

    /** Ends all other valid sessions of a session's user; returns their ids. */
    revokeOthers: async (
      { sessionId, userId }: Pick<ActiveSession, 'sessionId' | 'userId'>,
      now: Date,
    ): Promise<string[]> =>
      (await query<{ id: string }>(revokeOthers, [now, sessionId, userId])).map(({ id }) => id),
  }
}
