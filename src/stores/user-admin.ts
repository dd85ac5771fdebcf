import * as z from 'zod'
import type { Database, Statement } from '../database/database.ts'
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
    select: {
      provider: true,
      subject: true,
      email: true,
      emailVerified: true,
      createdAt: true,
      lastUsedAt: true,
    },
    orderBy: { createdAt: 'asc' as const },
  },
}

// The exact name wins over the name without the white space around it.
const findByName = {
  name: 'user_find_by_name',
  text: `SELECT id FROM {user} WHERE {username_key}(username) COLLATE "C" IN ({username_key}($1), {username_key}($2))
    ORDER BY {username_key}(username) COLLATE "C" <> {username_key}($1) LIMIT 1`,
}

// An id wins, as in `find`.
const findMany = {
  name: 'user_find_many',
  text: `SELECT coalesce(i.id, u.id) AS id, coalesce(i.username, u.username) AS username,
      CASE WHEN i.id IS NULL THEN u.active ELSE i.active END AS active
    FROM unnest($1::text[], $2::uuid[]) WITH ORDINALITY AS n (name, id, place)
    LEFT JOIN {user} i ON i.id = n.id
    LEFT JOIN {user} u ON {username_key}(u.username) COLLATE "C" = {username_key}(n.name)
    ORDER BY n.place`,
}

const namesAtOnce = 1000

/** The users that a list has: all by default. A name or an address begins with `search`, in any case. */
export type UserFilter = { search?: string; roleId?: string; active?: boolean }

const key = '{username_key}(u.username) COLLATE "C"'

// The range and the order of names are those of an index. An address that is not verified has no index.
const conditions: Record<keyof UserFilter, (value: string) => string> = {
  search: (value) => `u.id IN (
      SELECT n.id FROM {user} n WHERE {username_key}(n.username) COLLATE "C" >= {username_key}(${value}::text)
        AND {username_key}(n.username) COLLATE "C" < {username_key}(${value}::text) || chr(1114111)
      UNION ALL SELECT e.id FROM {user} e WHERE starts_with(lower(e.email), lower(${value}::text)))`,
  roleId: (value) => `(u.default_role_id = ${value}::uuid
      OR EXISTS (SELECT FROM {user_role} ur WHERE ur.user_id = u.id AND ur.role_id = ${value}::uuid))`,
  active: (value) => `u.active = ${value}::boolean`,
}

/** Returns the statement for the given filters, which has a plan of its own, and its values. */
function listBy(filter: UserFilter, after: string, limit: number): [Statement, unknown[]] {
  const used = (Object.keys(conditions) as (keyof UserFilter)[]).filter((name) => filter[name] !== undefined)
  const where = [
    `${key} > {username_key}($1::text)`,
    ...used.map((name, at) => conditions[name](`$${at + 3}`)),
  ]
  const text = `SELECT u.id FROM {user} u WHERE ${where.join(' AND ')} ORDER BY ${key} LIMIT $2::int`
  const name = ['user_list', ...used].join('_').toLowerCase()
  return [{ name, text }, [after, limit, ...used.map((each) => filter[each])]]
}

// Very many sessions take longer than one statement may. The last thousand end with the user.
const deleteSessions = {
  name: 'user_delete_sessions',
  text: `DELETE FROM {session} WHERE id IN (
    SELECT id FROM {session} WHERE user_id = $1::uuid ORDER BY id LIMIT 1000 OFFSET 1000) RETURNING true`,
}

// Not by Prisma, whose error does not have the table of another program that refers to the user.
const deleteUser = { name: 'user_delete', text: 'DELETE FROM {user} WHERE id = $1::uuid RETURNING true' }

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

    /** Finds users by id or by name, in the order of `names`; null for a name that no user has. */
    findMany: async (names: readonly string[]): Promise<(UserName | null)[]> => {
      const found: (UserName | null)[] = []
      for (let at = 0; at < names.length; at += namesAtOnce) {
        const some = names.slice(at, at + namesAtOnce)
        const ids = some.map((name) => z.guid().safeParse(name).data ?? null)
        const rows = await query<{ [Name in keyof UserName]: UserName[Name] | null }>(findMany, [some, ids])
        found.push(...rows.map((row) => (row.id === null ? null : (row as UserName))))
      }
      return found
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
    list: async (limit: number, after = '', filter: UserFilter = {}) => {
      const page = await query<{ id: string }>(...listBy(filter, after, limit))
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

    /** Renames a user. Throws `username_taken`. */
    rename: async (id: string, username: string): Promise<void> => {
      try {
        await (await prisma()).user.updateMany({ where: { id }, data: { username } })
      } catch (error) {
        if (isUniqueViolation(error) && (await isNameTaken(query, username)))
          throw new GatewayError('username_taken', { cause: error })
        throw error
      }
    },

    /** Sets or removes the e-mail address of a user; false when another user has verified it. */
    setEmail: async (id: string, email: string | null, emailVerified: boolean): Promise<boolean> => {
      try {
        await (await prisma()).user.updateMany({ where: { id }, data: { email, emailVerified } })
        return true
      } catch (error) {
        if (isUniqueViolation(error)) return false
        throw error
      }
    },

    /**
     * Deletes a user with all sessions, identities, roles and claims; false when no user has the id. Throws the error
     * that `findReference` reads; of more than a thousand sessions, some are gone then.
     */
    delete: async (id: string): Promise<boolean> => {
      while ((await query(deleteSessions, [id])).length > 0);
      return (await query(deleteUser, [id])).length === 1
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
