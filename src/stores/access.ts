import * as z from 'zod'
import type { ActiveSession } from '../context.ts'
import type { Database } from '../database/database.ts'

/** A row of `selectAccess`. */
export const accessRow = z.object({
  sessionId: z.string(),
  counter: z.number().int(),
  idleExpiresAt: z.date(),
  expiresAt: z.date(),
  authTime: z.date(),
  amr: z.array(z.string()),
  level: z.number().int(),
  userId: z.string(),
  username: z.string(),
  emailVerified: z.boolean(),
  defaultRole: z.string().nullable(),
  roles: z.array(z.string()),
  extraClaims: z
    .record(z.string(), z.string())
    .nullable()
    .transform((claims) => claims ?? {}),
})

/**
 * The SQL condition of a session that was not ended: `s` is its row, `u` the row of its user. A statement that has waited
 * for a lock may know an earlier epoch of the user than of a session that stays, hence no equality.
 */
export const unended = 's.user_id = u.id AND s.epoch >= u.session_epoch AND s.revoked_at IS NULL'

/** The SQL condition of a valid session: an unended one that is not expired. $1 is the time. */
export const living = `${unended} AND s.idle_expires_at > $1 AND s.expires_at > $1`

/** The time of the last authentication; a row that another program inserted may have none. */
export const authTime = 'coalesce(s.auth_time, s.created_at)'

/** The columns of a session that `selectAccess` needs. */
export const columns = `s.id, s.user_id, s.counter, s.idle_expires_at, s.expires_at,
  ${authTime} AS auth_time, coalesce(s.amr, '{}') AS amr, s.level`

/** Checks a row that `selectAccess` made; null when the statement found no session that may act. */
export function parseAccess(rows: unknown[]): ActiveSession | null {
  return rows.length === 0 ? null : accessRow.parse(rows[0])
}

/**
 * Returns a statement that reads the grants of a session. `sessionRow` is a WITH query named `s` that yields the
 * session or no row. An inactive user yields no row. `more` are further columns, of the user `u`.
 */
export function selectAccess(sessionRow: string, more?: string): string {
  return `WITH ${sessionRow}
SELECT s.id AS "sessionId", s.counter, s.idle_expires_at AS "idleExpiresAt", s.expires_at AS "expiresAt",
  s.auth_time AS "authTime", s.amr, s.level,
  u.id AS "userId", u.username, u.email IS NOT NULL AND u.email_verified AS "emailVerified", d.name AS "defaultRole",
  ARRAY(SELECT r.name::text FROM {user_role} ur JOIN {role} r ON r.id = ur.role_id WHERE ur.user_id = u.id) AS roles,
  (SELECT jsonb_object_agg(c.name, c.value::text) FROM {user_claim} c WHERE c.user_id = u.id) AS "extraClaims"${more === undefined ? '' : `,\n  ${more}`}
FROM s JOIN {user} u ON u.id = s.user_id LEFT JOIN {role} d ON d.id = u.default_role_id
WHERE u.active`
}

// The same statement as for sessions, with a session made up in the query, so that both always agree.
const grants = {
  name: 'user_grants',
  text: selectAccess(`s AS (
    SELECT gen_random_uuid() AS id, $1::uuid AS user_id, 0 AS counter, now() AS idle_expires_at, now() AS expires_at,
      now() AS auth_time, '{}'::text[] AS amr, 1 AS level)`),
}

/** Reads the access that a new session of a user would have; null for an inactive or unknown user. */
export async function findGrants(
  { query }: Pick<Database, 'query'>,
  userId: string,
): Promise<ActiveSession | null> {
  return parseAccess(await query(grants, [userId]))
}

const mostGrants = {
  name: 'user_most_grants',
  text: `SELECT u.id FROM {user} u JOIN (
      SELECT ur.user_id, sum(octet_length(r.name) + 3) AS bytes
      FROM {user_role} ur JOIN {role} r ON r.id = ur.role_id GROUP BY ur.user_id
      UNION ALL
      SELECT c.user_id, sum(octet_length(c.name) + octet_length(c.value::text)) FROM {user_claim} c GROUP BY c.user_id
    ) g ON g.user_id = u.id
    WHERE u.active GROUP BY u.id ORDER BY sum(g.bytes) DESC LIMIT 1`,
}

/** Reads the access of the active user with the longest roles and claims; null without roles and claims. */
export async function findMostGrants({ query }: Pick<Database, 'query'>): Promise<ActiveSession | null> {
  const [user] = await query<{ id: string }>(mostGrants, [])
  return user === undefined ? null : findGrants({ query }, user.id)
}
