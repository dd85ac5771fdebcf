import type { Database } from '../database/database.ts'
import { living } from './access.ts'
import { mostSessions } from './session-list.ts'

/** A logout at a provider: of the session `sid` there, or of all sessions of the user `subject`. */
export type ProviderLogout = {
  provider: string
  subject: string | null
  sid: string | null
  /** The sessions that began later stay. */
  before: Date
  /** The SHA-256 that identifies the logout, and the time until which it is kept. */
  hash: Uint8Array
  expiresAt: Date
}

/** The outcome of a logout. Without `isFirst`, the logout was used before and has ended nothing. */
export type LogoutOutcome = {
  isFirst: boolean
  /** True when a session that the logout names began later, and so stays. */
  hasLater: boolean
  ended: { sessionId: string; userId: string }[]
}

const findProvider = { name: 'session_provider', text: 'SELECT provider FROM {session} WHERE id = $1' }

// Without a sid, or for a session whose sid the provider did not tell, the subject names the session. A session that
// began beside another one on the pages has the authentication of that one. As everywhere, the user is locked first.
const end = {
  name: 'session_end_by_provider',
  text: `WITH spent AS (
      INSERT INTO {oauth_state} (hash, expires_at) VALUES ($6, $7) ON CONFLICT DO NOTHING RETURNING true),
    named AS MATERIALIZED (
      SELECT s.id, s.user_id FROM {session} s WHERE s.provider_sid = $4 AND s.provider = $2
      UNION
      SELECT s.id, s.user_id FROM {identity} i, LATERAL (
        SELECT s.id, s.user_id FROM {session} s
        WHERE s.user_id = i.user_id AND s.provider = $2 AND s.revoked_at IS NULL
          AND s.epoch = (SELECT u.session_epoch FROM {user} u WHERE u.id = i.user_id)
          AND ($4::text IS NULL OR s.provider_sid IS NULL)
        ORDER BY s.created_at DESC LIMIT ${mostSessions}) s
      WHERE i.provider = $2 AND i.subject = $3),
    users AS MATERIALIZED (
      SELECT u.id, u.session_epoch FROM {user} u WHERE u.id IN (SELECT user_id FROM named)
      ORDER BY u.id FOR NO KEY UPDATE),
    valid AS MATERIALIZED (
      SELECT s.id, least(s.created_at, s.auth_time) < $5 AS "isBefore"
      FROM {session} s, users u WHERE s.id IN (SELECT id FROM named) AND ${living}),
    ended AS (
      UPDATE {session} SET revoked_at = $1, revoked_reason = 'provider_logout'
      WHERE id IN (SELECT id FROM valid WHERE "isBefore") AND revoked_at IS NULL AND EXISTS (SELECT FROM spent)
      RETURNING id, user_id)
    SELECT EXISTS (SELECT FROM spent) AS "isFirst", EXISTS (SELECT FROM valid WHERE NOT "isBefore") AS "hasLater",
      coalesce((SELECT jsonb_agg(jsonb_build_object('sessionId', id, 'userId', user_id)) FROM ended), '[]') AS ended`,
}

/** The sessions that began at a provider, as that provider ends them. */
export function createProviderSessions(query: Database['query']) {
  return {
    /** Returns the provider with which a session began, also of an ended one; null for an unknown session. */
    findProvider: async (sessionId: string): Promise<string | null> =>
      (await query<{ provider: string | null }>(findProvider, [sessionId]))[0]?.provider ?? null,

    /** Ends the sessions that a logout at a provider names, and uses the logout up, in one statement. */
    endByProvider: async (
      { provider, subject, sid, before, hash, expiresAt }: ProviderLogout,
      now: Date,
    ): Promise<LogoutOutcome> => {
      const [outcome] = await query<LogoutOutcome>(end, [
        now,
        provider,
        subject,
        sid,
        before,
        hash,
        expiresAt,
      ])
      if (!outcome) throw new Error('the logout returned no row')
      return outcome
    },
  }
}
