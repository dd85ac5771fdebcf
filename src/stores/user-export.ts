import type { Database } from '../database/database.ts'
import { mostSessions } from './session-list.ts'
import { createUserAdmin } from './user-admin.ts'

const claims = {
  name: 'user_export_claims',
  text: `SELECT coalesce(jsonb_object_agg(name, value), '{}') AS claims FROM {user_claim} WHERE user_id = $1::uuid`,
}

const sessions = {
  name: 'user_export_sessions',
  text: `SELECT s.id, s.created_at AS "createdAt", coalesce(s.rotated_at, s.created_at) AS "lastUsedAt",
      least(s.idle_expires_at, s.expires_at) AS "expiresAt", s.epoch < u.session_epoch OR s.revoked_at IS NOT NULL AS ended,
      s.revoked_at AS "endedAt", s.revoked_reason AS "endReason", s.user_agent AS "userAgent", s.address, s.provider, s.app,
      s.auth_time AS "authTime", s.amr, s.level
    FROM {session} s JOIN {user} u ON u.id = s.user_id WHERE u.id = $1::uuid
    ORDER BY s.created_at DESC, s.id LIMIT ${mostSessions}`,
}

/**
 * Reads all data of a user that the gateway stores, except secrets and counters of limits: also ended sessions until they
 * are swept. Returns null when no user has the id.
 */
export async function exportUser(
  database: Pick<Database, 'prisma' | 'query'>,
  id: string,
): Promise<object | null> {
  const user = await createUserAdmin(database).findDetails(id)
  if (user === null) return null
  const [row] = await database.query<{ claims: object }>(claims, [id])
  return { ...user, claims: row?.claims ?? {}, sessions: await database.query(sessions, [id]) }
}
