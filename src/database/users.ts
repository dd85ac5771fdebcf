import { GatewayError } from '../errors.ts'
import type { Database } from './database.ts'
import { isUniqueViolation } from './failures.ts'

/** What a login needs to know of a user. */
export type Credentials = { id: string; password: string | null; active: boolean }

/** A new user of our own: the password is the hash. */
export type NewUser = { username: string; password: string; email: string | null }

const findCredentials = {
  name: 'user_credentials',
  text: 'SELECT id, password, active FROM "user" WHERE username_key(username) = username_key($1)',
}

export type Users = ReturnType<typeof createUsers>

/** The `user` table. */
export function createUsers({ prisma, query }: Pick<Database, 'prisma' | 'query'>) {
  return {
    /** The user of that name, without regard to case and compatibility forms; null when there is none. */
    findCredentials: async (username: string): Promise<Credentials | null> =>
      (await query<Credentials>(findCredentials, [username]))[0] ?? null,

    /** Makes a user and returns the id. Throws `username_taken`. */
    create: async (user: NewUser): Promise<string> => {
      try {
        return (await prisma.user.create({ data: user, select: { id: true } })).id
      } catch (error) {
        if (isUniqueViolation(error)) throw new GatewayError('username_taken', { cause: error })
        throw error
      }
    },

    /** Replaces a password hash, unless it has changed since `old` was read. */
    replaceHash: async (id: string, old: string, password: string): Promise<void> => {
      await prisma.user.updateMany({ where: { id, password: old }, data: { password } })
    },

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
