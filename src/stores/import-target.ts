import type { Database, Statement } from '../database/database.ts'
import { isUniqueViolation } from '../database/failures.ts'

/** A user of another program, with roles, identities and claims. `password` is the hash. */
export type ImportedUser = {
  id: string
  username: string
  password: string | null
  email: string | null
  emailVerified: boolean
  active: boolean
  defaultRole: string | null
  /** A timestamp as text for PostgreSQL; null stands for now. */
  createdAt: string | null
  roles: string[]
  identities: { provider: string; subject: string }[]
  /** The custom claims: name → JSON value. */
  claims?: Readonly<Record<string, unknown>>
}

/** The conflicts of an imported user with existing users. Keys are equal where the database sees the same value. */
export type Standing = {
  id: string
  usernameKey: string
  emailKey: string | null
  isPresent: boolean
  hasPassword: boolean
  usernameOwner: string | null
  /** The id of the user for whom the e-mail address is verified. */
  emailOwner: string | null
}

export type IdentityOwner = { provider: string; subject: string; owner: string }

/** Counts of the rows that were inserted. */
export type Written = { users: number; roles: number; grants: number; identities: number }

export type ImportTarget = ReturnType<typeof createImportTarget>

// These statements are unnamed: a prepared plan that was made for an empty table would be kept for the full table.
const statement = (text: string) => ({ name: '', text })

const standings = statement(`
  SELECT c.id::text AS id, {username_key}(c.username) AS "usernameKey", {email_key}(c.email) AS "emailKey",
    u.id IS NOT NULL AS "isPresent", u.password IS NOT NULL AS "hasPassword",
    n.id::text AS "usernameOwner", e.id::text AS "emailOwner"
  FROM jsonb_to_recordset($1::text::jsonb) AS c (id uuid, username text, email text)
  LEFT JOIN {user} u ON u.id = c.id
  LEFT JOIN {user} n ON {username_key}(n.username) COLLATE "C" = {username_key}(c.username)
  LEFT JOIN {user} e ON {email_key}(e.email) COLLATE "C" = {email_key}(c.email) AND e.email_verified`)

const owners = statement(`
  SELECT i.provider, i.subject, i.user_id::text AS owner
  FROM jsonb_to_recordset($1::text::jsonb) AS c (provider text, subject text)
  JOIN {identity} i ON i.provider = c.provider AND i.subject = c.subject`)

const writeRoles = statement(`
  INSERT INTO {role} (name) SELECT jsonb_array_elements_text($1::text::jsonb)
  ON CONFLICT (name) DO NOTHING RETURNING true`)

const roleNames = statement('SELECT name FROM {role}')

const writeUsers = statement(`
  WITH incoming AS (
    SELECT * FROM jsonb_to_recordset($1::text::jsonb) AS i (id uuid, username text, password text, email text,
      "emailVerified" boolean, active boolean, "defaultRole" text, "createdAt" timestamptz, roles jsonb,
      identities jsonb, claims jsonb)),
  made AS (
    INSERT INTO {user} (id, username, password, email, email_verified, active, default_role_id, created_at)
    SELECT i.id, i.username, i.password, i.email, i."emailVerified", i.active, r.id,
      coalesce(i."createdAt", CURRENT_TIMESTAMP)
    FROM incoming i LEFT JOIN {role} r ON r.name = i."defaultRole" ORDER BY i.id RETURNING true),
  granted AS (
    INSERT INTO {user_role} (user_id, role_id)
    SELECT i.id, r.id FROM incoming i CROSS JOIN jsonb_array_elements_text(i.roles) AS n (name)
    JOIN {role} r ON r.name = n.name RETURNING true),
  linked AS (
    INSERT INTO {identity} (provider, subject, user_id)
    SELECT p.provider, p.subject, i.id
    FROM incoming i CROSS JOIN jsonb_to_recordset(i.identities) AS p (provider text, subject text)
    RETURNING true),
  claimed AS (
    INSERT INTO {user_claim} (user_id, name, value)
    SELECT i.id, c.key, c.value FROM incoming i CROSS JOIN jsonb_each(coalesce(i.claims, '{}')) AS c)
  SELECT (SELECT count(*)::int FROM made) AS users, (SELECT count(*)::int FROM granted) AS grants,
    (SELECT count(*)::int FROM linked) AS identities`)

/** The tables of an import: it reads existing rows, and inserts many users at once. */
export function createImportTarget(query: Database['query']) {
  const read = async (users: readonly ImportedUser[]) => {
    const found = await query<Standing>(standings, [
      JSON.stringify(users.map(({ id, username, email }) => ({ id, username, email }))),
    ])
    const identities = users.flatMap((user) => user.identities)
    return {
      standings: new Map(found.map((standing) => [standing.id, standing])),
      owners: identities.length === 0 ? [] : await query<IdentityOwner>(owners, [JSON.stringify(identities)]),
    }
  }

  /** Returns true when an existing user has an id, a name, a verified address or an identity of the users. */
  const isTaken = async (users: readonly ImportedUser[]): Promise<boolean> => {
    const found = await read(users)
    const isVerified = new Map(users.map(({ id, emailVerified }) => [id, emailVerified]))
    const taken = [...found.standings.values()].some(
      ({ id, isPresent, usernameOwner, emailOwner }) =>
        isPresent || usernameOwner !== null || (isVerified.get(id) && emailOwner !== null),
    )
    return taken || found.owners.length > 0
  }

  return {
    /** Returns the conflicts of each user with existing users, and the owners of the identities. */
    read,

    /** Returns the names of all roles. */
    readRoles: async () => new Set((await query<{ name: string }>(roleNames, [])).map(({ name }) => name)),

    /**
     * Inserts the users with their roles, identities and claims, all or none. Missing roles are created. Returns null and
     * inserts no user when an id, a name, an address or an identity was taken meanwhile. Throws for a duplicate in
     * another table, into which a trigger may write.
     */
    write: async (users: readonly ImportedUser[]): Promise<Written | null> => {
      const names = new Set(users.flatMap((user) => [...user.roles, user.defaultRole ?? []].flat()))
      const roles = names.size === 0 ? [] : await query(writeRoles, [JSON.stringify([...names])])
      try {
        const [written] = await query<Omit<Written, 'roles'>>(writeUsers, [JSON.stringify(users)])
        return { users: 0, grants: 0, identities: 0, ...written, roles: roles.length }
      } catch (error) {
        if (isUniqueViolation(error) && (await isTaken(users))) return null
        throw error
      }
    },
  }
}

// In milliseconds; no import takes a day.
const rehearsalTimeout = 86_400_000

/** Runs `work` in one transaction, rolls it back, and returns the result of `work`. */
export async function rehearse<T>(
  { prisma, qualify }: Pick<Database, 'prisma' | 'qualify'>,
  work: (target: ImportTarget) => Promise<T>,
): Promise<T> {
  const rehearsed: { result?: T } = {}
  const undo = new Error('The rehearsal is rolled back')
  try {
    await (await prisma()).$transaction(
      async (tx) => {
        // PostgreSQL rejects further statements of a transaction after a failure, unless it goes back to a savepoint.
        const query: Database['query'] = async <Row>({ text }: Statement, values: readonly unknown[]) => {
          await tx.$executeRawUnsafe('SAVEPOINT statement')
          try {
            return await tx.$queryRawUnsafe<Row[]>(await qualify(text), ...values)
          } catch (error) {
            await tx.$executeRawUnsafe('ROLLBACK TO SAVEPOINT statement')
            throw error
          } finally {
            await tx.$executeRawUnsafe('RELEASE SAVEPOINT statement')
          }
        }
        rehearsed.result = await work(createImportTarget(query))
        throw undo
      },
      { timeout: rehearsalTimeout },
    )
  } catch (error) {
    if (error !== undo) throw error
  }
  return rehearsed.result as T
}
