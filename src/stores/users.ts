import type { Database } from '../database/database.ts'
import { isUniqueViolation } from '../database/failures.ts'
import { GatewayError } from '../errors.ts'

/** The data of a user that a login needs; `password` is the hash. */
export type Credentials = { id: string; password: string | null; active: boolean }

/** A new user with a password; `password` is the hash. */
export type NewUser = { username: string; password: string; email: string | null }

// No gateway makes a name with white space around it. A row that was made by SQL may have one: the exact name wins.
const findCredentials = {
  name: 'user_credentials',
  text: `SELECT id, password, active FROM {user} WHERE {username_key}(username) COLLATE "C" IN ({username_key}($1), {username_key}($2))
    ORDER BY {username_key}(username) COLLATE "C" <> {username_key}($1) LIMIT 1`,
}

const findName = {
  name: 'user_find_name',
  text: 'SELECT true FROM {user} WHERE {username_key}(username) COLLATE "C" = {username_key}($1)',
}

/**
 * Returns true when a user has the name, without regard to case and compatibility forms. After a unique violation it
 * tells a taken name from a duplicate in another table, into which a trigger may write.
 */
export async function isNameTaken(query: Database['query'], username: string): Promise<boolean> {
  return (await query(findName, [username])).length > 0
}

const create = {
  name: 'user_create',
  text: `INSERT INTO {user} (username, password, email, active, created_at) VALUES ($1, $2, $3, true, now())
    RETURNING id`,
}

// The setting reaches the trigger user_end_sessions and ends with the statement's transaction.
const replaceHash = {
  name: 'user_replace_hash',
  text: `UPDATE {user} SET password = $3
    WHERE id = $1 AND password IS NOT DISTINCT FROM $2
      AND set_config('claimgate.keep_session', $4, true) = $4
    RETURNING true`,
}

export type Users = ReturnType<typeof createUsers>

/** The `user` table. */
export function createUsers({ prisma, query }: Pick<Database, 'prisma' | 'query'>) {
  return {
    /**
     * Finds a user by a typed name, without regard to case, compatibility forms and white space around it; null when no
     * user has the name.
     */
    findCredentials: async (typed: string): Promise<Credentials | null> =>
      (await query<Credentials>(findCredentials, [typed, typed.trim()]))[0] ?? null,

    /** Creates a user and returns the id. Throws `username_taken`. */
    create: async ({ username, password, email }: NewUser): Promise<string> => {
      try {
        const [created] = await query<{ id: string }>(create, [username, password, email])
        if (created === undefined) throw new Error('The statement user_create returned no row')
        return created.id
      } catch (error) {
        if (isUniqueViolation(error) && (await isNameTaken(query, username)))
          throw new GatewayError('username_taken', { cause: error })
        throw error
      }
    },

    /**
     * Replaces a password hash; false when the hash is no longer `old`. The user's sessions end, except the session
     * `keepSession`. `'all'` keeps all sessions, for a new hash of the same password.
     */
    replaceHash: async (
      id: string,
      old: string | null,
      password: string,
      keepSession: string,
    ): Promise<boolean> => (await query(replaceHash, [id, old, password, keepSession])).length === 1,

    /** Returns the password hash of a user; null without one. */
    findHash: async (id: string): Promise<string | null> =>
      (await prisma.user.findUnique({ where: { id }, select: { password: true } }))?.password ?? null,

    /** Returns the data that a user sees about the own account; null when no user has the id. */
    findProfile: (id: string) =>
      prisma.user.findUnique({
        where: { id },
        select: {
          email: true,
          emailVerified: true,
          createdAt: true,
          identities: {
            select: { provider: true, subject: true, email: true },
            orderBy: { createdAt: 'asc' },
          },
        },
      }),
  }
}
