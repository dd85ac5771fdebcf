import type { Database } from '../database/database.ts'
import { isUniqueViolation } from '../database/failures.ts'
import { GatewayError } from '../errors.ts'

/** What a login needs to know of a user. */
export type Credentials = { id: string; password: string | null; active: boolean }

/** A new user of our own: the password is the hash. */
export type NewUser = { username: string; password: string; email: string | null }

const findCredentials = {
  name: 'user_credentials',
  text: 'SELECT id, password, active FROM "user" WHERE username_key(username) = username_key($1)',
}

const create = {
  name: 'user_create',
  text: `INSERT INTO "user" (username, password, email, active, created_at) VALUES ($1, $2, $3, true, now())
    RETURNING id`,
}

// The setting reaches the trigger user_end_sessions and ends with the statement's transaction.
const replaceHash = {
  name: 'user_replace_hash',
  text: `UPDATE "user" SET password = $3
    WHERE id = $1 AND password IS NOT DISTINCT FROM $2
      AND set_config('claimgate.keep_session', $4, true) = $4
    RETURNING true`,
}

export type Users = ReturnType<typeof createUsers>

/** The `user` table. */
export function createUsers({ prisma, query }: Pick<Database, 'prisma' | 'query'>) {
  return {
    /** The user of that name, without regard to case and compatibility forms; null when there is none. */
    findCredentials: async (username: string): Promise<Credentials | null> =>
      (await query<Credentials>(findCredentials, [username]))[0] ?? null,

    /** Makes a user and returns the id. Throws `username_taken`. */
    create: async ({ username, password, email }: NewUser): Promise<string> => {
      try {
        const [created] = await query<{ id: string }>(create, [username, password, email])
        if (created === undefined) throw new Error('the new user was not returned')
        return created.id
      } catch (error) {
        if (isUniqueViolation(error)) throw new GatewayError('username_taken', { cause: error })
        throw error
      }
    },

    /**
     * Replaces a password hash, unless it has changed since `old` was read; false then. The user's sessions end, but
     * for the one named by `keepSession`; `'all'` keeps them all, for the same password hashed anew.
     */
    replaceHash: async (
      id: string,
      old: string | null,
      password: string,
      keepSession: string,
    ): Promise<boolean> => (await query(replaceHash, [id, old, password, keepSession])).length === 1,

    /** The password hash of a user; null when there is none. */
    findHash: async (id: string): Promise<string | null> =>
      (await prisma.user.findUnique({ where: { id }, select: { password: true } }))?.password ?? null,

    /** What a user may see of themselves. */
    findProfile: (id: string) =>
      prisma.user.findUnique({
        where: { id },
        select: {
          email: true,
          createdAt: true,
          identities: {
            select: { provider: true, subject: true, email: true },
            orderBy: { createdAt: 'asc' },
          },
        },
      }),
  }
}
