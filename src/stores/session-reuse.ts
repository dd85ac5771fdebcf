import type { ActiveSession } from '../context.ts'
import type { Database } from '../database/database.ts'
import { columns, living, parseAccess, selectAccess } from './access.ts'

/** The kind of browser and the network of a client, as text; null when unknown. */
export type ClientKind = string | null

const repeat = {
  name: 'session_repeat',
  text: selectAccess(`s AS (
    SELECT ${columns} FROM {session} s, {user} u
    WHERE s.id = $2 AND s.counter = $3 + 1 AND s.rotated_at > $4 AND ${living})`),
}

// The successor must not have been used, and neither it nor the token before it was given late. Else two clients could
// take turns for ever.
const repeatLate = {
  name: 'session_repeat_late',
  text: selectAccess(`s AS (
    UPDATE {session} s SET late_counter = s.counter
    FROM {user} u
    WHERE s.id = $2 AND s.counter = $3 + 1 AND s.rotated_by = $4
      AND (s.late_counter IS NULL OR s.late_counter < s.counter - 1) AND ${living} AND u.active
    RETURNING ${columns})`),
}

const revokeReused = {
  name: 'session_revoke_reused',
  text: `UPDATE {session} SET revoked_at = $1, revoked_reason = 'reuse'
    WHERE id = $2 AND revoked_at IS NULL AND counter > $3 AND NOT (counter = $3 + 1 AND rotated_at > $4)
    RETURNING user_id AS "userId"`,
}

const revokeReplayed = {
  name: 'session_revoke_replayed',
  text: `UPDATE {session} s SET revoked_at = $1, revoked_reason = 'code_reuse'
    FROM {authorization_code} c, {user} u
    WHERE c.hash = $2 AND c.code_challenge IS NOT DISTINCT FROM $3 AND c.consumed_at < $4 AND c.expires_at > $1
      AND s.id = c.session_id AND ${living}
    RETURNING s.id AS "sessionId", s.user_id AS "userId"`,
}

/** The second uses of refresh tokens and one-time codes. */
export function createReuse(query: Database['query']) {
  return {
    /** The same successor again for the token before the current one, if it was rotated after `since`. */
    repeat: async (
      sessionId: string,
      counter: number,
      since: Date,
      now: Date,
    ): Promise<ActiveSession | null> => parseAccess(await query(repeat, [now, sessionId, counter, since])),

    /**
     * The same successor again for the token before the current one, whenever it was rotated, if the answer was lost.
     * Once for each successor, and not for the successor of such a successor. Only for the kind of client that
     * `rotate` was called for.
     */
    repeatLate: async (
      sessionId: string,
      counter: number,
      client: ClientKind,
      now: Date,
    ): Promise<ActiveSession | null> =>
      parseAccess(await query(repeatLate, [now, sessionId, counter, client])),

    /**
     * Ends a session when its refresh token `counter` was rotated before `since` or more than once. Returns the user's
     * id, or null when no session was ended.
     */
    revokeReused: async (
      sessionId: string,
      counter: number,
      since: Date,
      now: Date,
    ): Promise<string | null> =>
      (await query<{ userId: string }>(revokeReused, [now, sessionId, counter, since]))[0]?.userId ?? null,

    /**
     * Ends the session of an unexpired one-time code that was spent before `since`. Returns the session, or null when no
     * session was ended.
     */
    revokeReplayed: async (
      codeHash: Uint8Array,
      codeChallenge: string | null,
      since: Date,
      now: Date,
    ): Promise<Pick<ActiveSession, 'sessionId' | 'userId'> | null> =>
      (
        await query<Pick<ActiveSession, 'sessionId' | 'userId'>>(revokeReplayed, [
          now,
          codeHash,
          codeChallenge,
          since,
        ])
      )[0] ?? null,
  }
}
