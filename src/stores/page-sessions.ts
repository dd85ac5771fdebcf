import type { ActiveSession } from '../context.ts'
import type { Database } from '../database/database.ts'
import { authTime, columns, living, parseAccess, selectAccess } from './access.ts'
import { after, capped, type Device, endedBy, type SessionLifetimes } from './sessions.ts'

// The locks make a change of the user or an end of the other session wait for this one, or this one for them. Other
// sessions that begin wait too.
const beginSecond = {
  name: 'session_begin_beside',
  text: selectAccess(`s AS (
    INSERT INTO {session} AS s (user_id, created_at, idle_expires_at, expires_at, user_agent, address,
      auth_time, amr, level, provider, provider_sid, app)
    SELECT u.id, $1, least($4, s.expires_at), least($5, s.expires_at), $6, $7,
      ${authTime}, s.amr, s.level, s.provider, s.provider_sid, $9 FROM {user} u, {session} s
    WHERE s.id = $2 AND u.id = $3 AND u.active AND ${living} AND ${capped('$8')} FOR NO KEY UPDATE OF u FOR SHARE OF s
    RETURNING ${columns})`),
}

const extend = {
  name: 'session_extend',
  text: `UPDATE {session} s SET idle_expires_at = $3, rotated_at = $1
    FROM {user} u WHERE s.id = $2 AND s.idle_expires_at < $3 AND ${living}`,
}

// The last part sees the sessions as they were before. Both locks, as in session_revoke_everywhere.
const revokeOthers = {
  name: 'session_revoke_others',
  text: `WITH own AS (
    SELECT u.id FROM {user} u, {session} s WHERE s.id = $2 AND s.user_id = $3 AND ${living} FOR NO KEY UPDATE),
  ended AS (
    UPDATE {user} u SET session_epoch = u.session_epoch + 1
    FROM own WHERE u.id = own.id AND ${endedBy('user')}
      AND set_config('claimgate.keep_session', $2::text, true) IS NOT NULL
    RETURNING u.id)
  SELECT s.id FROM ended, {user} u, {session} s WHERE u.id = ended.id AND s.id <> $2 AND ${living}
  ORDER BY s.created_at DESC LIMIT 1000`,
}

// In seconds.
const longestUnnoticed = 3600

export type PageSessions = ReturnType<typeof createPageSessions>

/** Operations of the pages on the `session` table. Page sessions are extended without a refresh token. */
export function createPageSessions(
  { query }: Pick<Database, 'query'>,
  lifetimes: SessionLifetimes,
  perUser: number,
) {
  const step = Math.min(longestUnnoticed, lifetimes.idle / 4) * 1000
  return {
    /**
     * Starts a second session for the user of a valid session, with `idle` seconds to its first use. Returns null when
     * the first session has ended. The second session ends at the latest with the first: both have one authentication.
     * Of more than `perUser` sessions the least recently used one ends.
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
          String(perUser),
          device.app ?? null,
        ]),
      ),

    /** Notes that a session is in use, so that it does not end as idle. Writes once an hour, or four times in `idle` when that is less. */
    extend: async (access: Pick<ActiveSession, 'sessionId' | 'idleExpiresAt' | 'expiresAt'>, now: Date) => {
      const until = Math.min(after(now, lifetimes.idle).getTime(), access.expiresAt.getTime())
      if (until - access.idleExpiresAt.getTime() < step) return
      await query(extend, [now, access.sessionId, new Date(until)])
    },

    /** Ends all other sessions of a valid session's user, whatever their number; returns the ids of at most a thousand. */
    revokeOthers: async (
      { sessionId, userId }: Pick<ActiveSession, 'sessionId' | 'userId'>,
      now: Date,
    ): Promise<string[]> =>
      (await query<{ id: string }>(revokeOthers, [now, sessionId, userId])).map(({ id }) => id),
  }
}
