import * as z from 'zod'
import type { Database } from '../database/database.ts'
import { isUniqueViolation } from '../database/failures.ts'
import type { Prisma } from '../database/generated/client.ts'
import { GatewayError } from '../errors.ts'
import { isNameTaken, type NewUser } from './users.ts'

/** A user as administration commands print it. */
export type UserName = { id: string; username: string; active: boolean }

const summary = {
  id: true,
  username: true,
  email: true,
  emailVerified: true,
  active: true,
  createdAt: true,
  defaultRole: { select: { name: true } },
  roles: { select: { role: { select: { name: true } } }, orderBy: { role: { name: 'asc' as const } } },
}

const details = {
  ...summary,
  updatedAt: true,
  identities: {
    select: { provider: true, subject: true, email: true, emailVerified: true, lastUsedAt: true },
    orderBy: { createdAt: 'asc' as const },
  },
}

// The exact name wins over the name without the white space around it.
const findByName = {
  name: 'user_find_by_name',
  text: `SELECT id FROM {user} WHERE {username_key}(username) COLLATE "C" IN ({username_key}($1), {username_key}($2))
    ORDER BY {username_key}(username) COLLATE "C" <> {username_key}($1) LIMIT 1`,
}

const list = {
  name: 'user_list',
  text: `SELECT id FROM {user} WHERE {username_key}(username) COLLATE "C" > {username_key}($1)
    ORDER BY {username_key}(username) COLLATE "C" LIMIT $2::int`,
}

// Very many sessions take longer than one statement may.
const deleteSessions = {
  name: 'user_delete_sessions',
  text: `DELETE FROM {session} WHERE id IN (SELECT id FROM {session} WHERE user_id = $1::uuid LIMIT 1000) RETURNING true`,
}

/** The `user` table as an administrator sees it. What it answers never has the password hash in it. */
export function createUserAdmin({ prisma, query }: Pick<Database, 'prisma' | 'query'>) {
  const findId = async (nameOrId: string): Promise<string | null> => {
    const byId = { where: { id: nameOrId }, select: { id: true } }
    const found = z.guid().safeParse(nameOrId).success ? await (await prisma()).user.findUnique(byId) : null
    if (found) return found.id
    const [named] = await query<{ id: string }>(findByName, [nameOrId, nameOrId.trim()])
    return named?.id ?? null
  }

  return {
    /**
     * Finds a user by id or by name, without regard to case and white space around it. An id wins, because users cannot
     * choose their id.
     */
    find: async (nameOrId: string): Promise<UserName | null> => {
      const id = await findId(nameOrId)
      if (id === null) return null
      return (await prisma()).user.findUnique({
        where: { id },
        select: { id: true, username: true, active: true },
      })
    },

    /** Creates a user with the roles and returns the id. Throws `username_taken`. */
    create: async (user: NewUser, roleIds: readonly string[]): Promise<string> => {
      const roles = { create: roleIds.map((roleId) => ({ roleId })) }
      try {
        return (await (await prisma()).user.create({ data: { ...user, roles }, select: { id: true } })).id
      } catch (error) {
        if (isUniqueViolation(error) && (await isNameTaken(query, user.username)))
          throw new GatewayError('username_taken', { cause: error })
        throw error
      }
    },

    /** Returns at most `limit` users by name, beginning after the name `after`. */
    list: async (limit: number, after = '') => {
      const page = await query<{ id: string }>(list, [after, limit])
      const ids = page.map(({ id }) => id)
      const users = await (await prisma()).user.findMany({ where: { id: { in: ids } }, select: summary })
      const byId = new Map(users.map((user) => [user.id, toSummary(user)]))
      return ids.flatMap((id) => byId.get(id) ?? [])
    },

    /** Returns all data of a user except secrets and sessions; null when no user has the id. */
    findDetails: async (id: string) => {
      const user = await (await prisma()).user.findUnique({ where: { id }, select: details })
      if (user === null) return null
      const hasPassword =
        (await (await prisma()).user.count({ where: { id, password: { not: null } } })) === 1
      return { ...toSummary(user), hasPassword, updatedAt: user.updatedAt, identities: user.identities }
    },

    /** Activates or deactivates a user; false when nothing changed. The database ends a deactivated user's sessions. */
    setActive: async (id: string, active: boolean): Promise<boolean> =>
      (await (await prisma()).user.updateMany({ where: { id, active: !active }, data: { active } })).count ===
      1,

    /** Deletes a user with all sessions, identities, roles and claims; false when no user has the id. */
    delete: async (id: string): Promise<boolean> => {
      while ((await query(deleteSessions, [id])).length > 0);
      return (await (await prisma()).user.deleteMany({ where: { id } })).count === 1
    },
  }
}

type SummaryRow = {
  id: string
  username: string
  email: string | null
  emailVerified: boolean
  active: boolean
  createdAt: Date
  defaultRole: { name: string } | null
  roles: { role: { name: string } }[]
}

function toSummary({ id, username, email, emailVerified, active, createdAt, ...user }: SummaryRow) {
  return {
    id,
    username,
    email,
    emailVerified,
    active,
    /** Null stands for the deployment's default role. */
    defaultRole: user.defaultRole?.name ?? null,
    roles: user.roles.map(({ role }) => role.name),
    createdAt,
  }
}

/** The `user_claim` table for administration. */
export function createUserClaims({ prisma }: Pick<Database, 'prisma'>) {
  return {
    /** Sets a claim of a user and replaces a claim of the same name. */
    set: async (userId: string, name: string, value: Prisma.InputJsonValue): Promise<void> => {
      const claim = { userId, name, value }
      await (await prisma()).userClaim.upsert({
        where: { userId_name: { userId, name } },
        create: claim,
        update: claim,
      })
    },

    /** Removes a claim of a user; false when the user has no claim of that name. */
    remove: async (userId: string, name: string): Promise<boolean> =>
      (await (await prisma()).userClaim.deleteMany({ where: { userId, name } })).count === 1,
  }
}
