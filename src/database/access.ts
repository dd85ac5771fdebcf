import { z } from 'zod'

/** What one statement reads about a session: who the user is, and everything their claims are made of. */
export type Access = z.infer<typeof accessRow>

const accessRow = z.object({
  sessionId: z.string(),
  counter: z.number().int(),
  idleExpiresAt: z.date(),
  expiresAt: z.date(),
  userId: z.string(),
  username: z.string(),
  defaultRole: z.string().nullable(),
  roles: z.array(z.string()),
  extraClaims: z.record(z.string(), z.unknown()),
})

/** Checks a row that `selectAccess` made; null when the statement found no session that may act. */
export function parseAccess(rows: unknown[]): Access | null {
  return rows.length === 0 ? null : accessRow.parse(rows[0])
}

// Numbers leave the database as text: JavaScript would round those with more than 15 digits.
const exactNumber = (value: string) =>
  `CASE jsonb_typeof(${value}) WHEN 'number' THEN to_jsonb(${value}::text) ELSE ${value} END`
const extraClaims = `coalesce((SELECT jsonb_object_agg(c.name, CASE jsonb_typeof(c.value)
    WHEN 'array' THEN coalesce((SELECT jsonb_agg(${exactNumber('e.value')} ORDER BY e.n)
      FROM jsonb_array_elements(c.value) WITH ORDINALITY e (value, n)), '[]')
    ELSE ${exactNumber('c.value')} END)
  FROM user_claim c WHERE c.user_id = u.id), '{}')`

/**
 * The end of every statement that decides what a session may do. `sessionRow` is a WITH query named `s` that yields
 * the session (or no row); users that are not active yield nothing.
 */
export function selectAccess(sessionRow: string): string {
  return `WITH ${sessionRow}
SELECT s.id AS "sessionId", s.counter, s.idle_expires_at AS "idleExpiresAt", s.expires_at AS "expiresAt",
  u.id AS "userId", u.username, d.name AS "defaultRole",
  ARRAY(SELECT r.name::text FROM user_role ur JOIN role r ON r.id = ur.role_id WHERE ur.user_id = u.id) AS roles,
  ${extraClaims} AS "extraClaims"
FROM s JOIN "user" u ON u.id = s.user_id LEFT JOIN role d ON d.id = u.default_role_id
WHERE u.active`
}
