import type { Database } from '../database/database.ts'
import { isUniqueViolation } from '../database/failures.ts'

/** A user who comes from another program, with everything that belongs to them. `password` is the hash. */
export type ImportedUser = {
  id: string
  username: string
  password: string | null
  email: string | null
  emailVerified: boolean
  active: boolean
  defaultRole: string | null
  /** Text that PostgreSQL reads as a timestamp; null is now. */
  createdAt: string | null
  roles: string[]
  identities: { provider: string; subject: string }[]
}

/** How a user who comes stands to those who are there. Keys are equal where the database sees the same value. */
export type Standing = {
  id: string
  usernameKey: string
  emailKey: string | null
  isPresent: boolean
  hasPassword: boolean
  usernameOwner: string | null
  /** Who has proven that the e-mail address is theirs. */
  emailOwner: string | null
}

export type IdentityOwner = { provider: string; subject: string; owner: string }

/** How many rows were made. */
export type Written = { users: number; roles: number; grants: number; identities: number }

export type ImportTarget = ReturnType<typeof createImportTarget>

// None of these has a name: a plan that was made for an empty table would be kept for the full one.
const statement = (text: string) => ({ name: '', text })

const standings = statement(`
  SELECT c.id::text AS id, username_key(c.username) AS "usernameKey", lower(c.email) AS "emailKey",
    u.id IS NOT NULL AS "isPresent", u.password IS NOT NULL AS "hasPassword",
    n.id::text AS "usernameOwner", e.id::text AS "emailOwner"
  FROM jsonb_to_recordset($1::text::jsonb) AS c (id uuid, username text, email text)
  LEFT JOIN "user" u ON u.id = c.id
  LEFT JOIN "user" n ON username_key(n.username) = username_key(c.username)
  LEFT JOIN "user" e ON lower(e.email) = lower(c.email) AND e.email_verified`)

const owners = statement(`
  SELECT i.provider, i.subject, i.user_id::text AS owner
  FROM jsonb_to_recordset($1::text::jsonb) AS c (provider text, subject text)
  JOIN identity i ON i.provider = c.provider AND i.subject = c.subject`)

const writeRoles = statement(`
  INSERT INTO role (name) SELECT jsonb_array_elements_text($1::text::jsonb)
  ON CONFLICT (name) DO NOTHING RETURNING true`)

const writeUsers = statement(`
  WITH incoming AS (
    SELECT * FROM jsonb_to_recordset($1::text::jsonb) AS i (id uuid, username text, password text, email text,
      "emailVerified" boolean, active boolean, "defaultRole" text, "createdAt" timestamptz, roles jsonb,
      identities jsonb)),
  made AS (
    INSERT INTO "user" (id, username, password, email, email_verified, active, default_role_id, created_at)
    SELECT i.id, i.username, i.password, i.email, i."emailVerified", i.active, r.id,
      coalesce(i."createdAt", CURRENT_TIMESTAMP)
    FROM incoming i LEFT JOIN role r ON r.name = i."defaultRole" ORDER BY i.id RETURNING true),
  granted AS (
    INSERT INTO user_role (user_id, role_id)
    SELECT i.id, r.id FROM incoming i CROSS JOIN jsonb_array_elements_text(i.roles) AS n (name)
    JOIN role r ON r.name = n.name RETURNING true),
  linked AS (
    INSERT INTO identity (provider, subject, user_id)
    SELECT p.provider, p.subject, i.id
    FROM incoming i CROSS JOIN jsonb_to_recordset(i.identities) AS p (provider text, subject text)
    RETURNING true)
  SELECT (SELECT count(*)::int FROM made) AS users, (SELECT count(*)::int FROM granted) AS grants,
    (SELECT count(*)::int FROM linked) AS identities`)

/** The database as an import sees it: what is there already, and many new users at once. */
export function createImportTarget(query: Database['query']) {
  return {
    /** How each user stands to those who are there, and who has the identities. */
    read: async (users: readonly ImportedUser[]) => {
      const found = await query<Standing>(standings, [
        JSON.stringify(users.map(({ id, username, email }) => ({ id, username, email }))),
      ])
      const identities = users.flatMap((user) => user.identities)
      return {
        standings: new Map(found.map((standing) => [standing.id, standing])),
        owners:
          identities.length === 0 ? [] : await query<IdentityOwner>(owners, [JSON.stringify(identities)]),
      }
    },

    /**
     * Makes the users with their roles and identities: all of them or none. Roles are made as needed. Null, and no user
     * made, when somebody else has meanwhile taken an id, a name, an address or an identity.
     */
    write: async (users: readonly ImportedUser[]): Promise<Written | null> => {
      const names = new Set(users.flatMap((user) => [...user.roles, user.defaultRole ?? []].flat()))
      const roles = names.size === 0 ? [] : await query(writeRoles, [JSON.stringify([...names])])
      try {
        const [written] = await query<Omit<Written, 'roles'>>(writeUsers, [JSON.stringify(users)])
        return { users: 0, grants: 0, identities: 0, ...written, roles: roles.length }
      } catch (error) {
        if (isUniqueViolation(error)) return null
        throw error
      }
    },
  }
}

// Milliseconds: no import takes a day.
const rehearsalTimeout = 86_400_000

/** Runs `work` in one transaction, answers what it came to, and undoes all of it. */
export async function rehearse<T>(
  { prisma }: Pick<Database, 'prisma'>,
  work: (target: ImportTarget) => Promise<T>,
): Promise<T> {
  const rehearsed: { result?: T } = {}
  const undo = new Error('this transaction was only a rehearsal')
  try {
    await prisma.$transaction(
      async (tx) => {
        const query: Database['query'] = ({ text }, values) => tx.$queryRawUnsafe(text, ...values)
        const target = createImportTarget(query)
        rehearsed.result = await work({
          ...target,
          write: async (users) => (await target.write(users)) ?? retry(),
        })
        throw undo
      },
      { timeout: rehearsalTimeout },
    )
  } catch (error) {
    if (error !== undo) throw error
  }
  return rehearsed.result as T
}

// After a violation the transaction is of no more use.
function retry(): never {
  throw new Error('Somebody else changed the database during the rehearsal. Run it again.')
}
