import * as z from 'zod'
import type { Credentials, Profile } from '../context.ts'
import type { Database } from '../database/database.ts'
import { isUniqueViolation } from '../database/failures.ts'
import { GatewayError } from '../errors.ts'

/** A new user with a password; `password` is the hash. */
export type NewUser = { username: string; password: string; email: string | null }

/**
 * Returns SQL that reads the credentials of a user by a typed name and the same name without white space around it. No
 * gateway makes a name with such white space. A row that was made by SQL may have it: the exact name wins.
 */
export const selectCredentials = (typed: string, trimmed: string): string =>
  `SELECT id, password, active FROM {user}
    WHERE {username_key}(username) COLLATE "C" IN ({username_key}(${typed}), {username_key}(${trimmed}))
    ORDER BY {username_key}(username) COLLATE "C" <> {username_key}(${typed}) LIMIT 1`

const findCredentials = { name: 'user_credentials', text: selectCredentials('$1', '$2') }

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

/** The columns of `profileRow`, of a user `u`. */
export const profileColumns = `u.email, u.email IS NOT NULL AND u.email_verified AS "emailVerified", u.created_at AS "createdAt",
  (SELECT coalesce(jsonb_agg(jsonb_build_object('provider', i.provider, 'subject', i.subject, 'email', i.email)
    ORDER BY i.created_at, i.provider), '[]') FROM {identity} i WHERE i.user_id = u.id) AS identities`

/** A row of a profile. */
export const profileRow = z.object({
  email: z.string().nullable(),
  emailVerified: z.boolean(),
  createdAt: z.date(),
  identities: z.array(z.object({ provider: z.string(), subject: z.string(), email: z.string().nullable() })),
})

const findHash = { name: 'user_hash', text: 'SELECT password FROM {user} WHERE id = $1' }

const findProfile = { name: 'user_profile', text: `SELECT ${profileColumns} FROM {user} u WHERE u.id = $1` }

// The setting reaches the trigger user_end_sessions and ends with the statement's transaction.
const replaceHash = {
  name: 'user_replace_hash',
  text: `UPDATE {user} SET password = $3
    WHERE id = $1 AND password IS NOT DISTINCT FROM $2
      AND set_config('claimgate.keep_session', $4, true) = $4
    RETURNING true`,
}

// The shape of a hash is its text without salt, digest and long numbers. Salts have at least nine characters.
const sampleHashes = {
  name: 'user_hash_samples',
  text: `SELECT min(password) AS hash, count(*)::int AS users FROM {user} WHERE password <> ''
    GROUP BY regexp_replace(password, '[A-Za-z0-9+/=.]{9,}', '', 'g'), length(password)
    ORDER BY count(*) DESC LIMIT 1000`,
}

/**
 * Returns one hash of each format and cost, with the number of users who have such a hash. Reads the whole table, for the
 * doctor.
 */
export function findHashSamples({
  query,
}: Pick<Database, 'query'>): Promise<{ hash: string; users: number }[]> {
  return query(sampleHashes, [])
}

export type Users = ReturnType<typeof createUsers>

/** The `user` table. */
export function createUsers({ query }: Pick<Database, 'query'>) {
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
      (await query<{ password: string | null }>(findHash, [id]))[0]?.password ?? null,

    /** Returns the data that a user sees about the own account; null when no user has the id. */
    findProfile: async (id: string): Promise<Profile | null> => {
      const [row] = await query(findProfile, [id])
      return row === undefined ? null : profileRow.parse(row)
    },
  }
}
