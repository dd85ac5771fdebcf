import type { Database } from '../database/database.ts'
import { isUniqueViolation } from '../database/failures.ts'

export type Roles = ReturnType<typeof createRoles>

// Not by Prisma, whose error does not have the table of another program that refers to the role.
const deleteRole = { name: 'role_delete', text: 'DELETE FROM {role} WHERE id = $1::uuid RETURNING true' }

// A row of a provider becomes one that no provider takes back, also a row that this statement does not see yet.
const grantMany = {
  name: 'role_grant_many',
  text: `WITH granted AS (
      INSERT INTO {user_role} AS ur (user_id, role_id)
      SELECT u.id, $2::uuid FROM unnest($1::uuid[]) AS u (id) ORDER BY u.id
      ON CONFLICT (user_id, role_id) DO UPDATE SET provider = NULL WHERE ur.provider IS NOT NULL)
    SELECT u.id, ur.id IS NULL AS "isNew", ur.provider FROM unnest($1::uuid[]) AS u (id)
    LEFT JOIN {user_role} ur ON ur.user_id = u.id AND ur.role_id = $2::uuid`,
}

// Locks the users first, in one order, like a sign-in that changes their roles.
const revokeMany = {
  name: 'role_revoke_many',
  text: `WITH users AS MATERIALIZED (
      SELECT id FROM {user} WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE),
    revoked AS (
      DELETE FROM {user_role} 
      WHERE user_id = ANY ($1::uuid[]) AND user_id IN (SELECT id FROM users) AND role_id = $2::uuid RETURNING user_id, provider),
    cleared AS (
      UPDATE {user} SET default_role_id = NULL WHERE id = ANY ($1::uuid[]) AND default_role_id = $2::uuid
      RETURNING id)
    SELECT u.id, u.id IN (SELECT user_id FROM revoked) AS granted, u.id IN (SELECT id FROM cleared) AS "byDefault",
      (SELECT provider FROM revoked WHERE user_id = u.id) AS provider
    FROM unnest($1::uuid[]) AS u (id)`,
}

/** The effect of a grant: `isNew` when the user did not have the role, and the `provider` that had granted it. */
export type Granted = { id: string; isNew: boolean; provider: string | null }

/**
 * The effect of a revocation: `granted` when the role was granted, `byDefault` when it was the default role, and the
 * `provider` that had granted it.
 */
export type Revoked = { id: string; granted: boolean; byDefault: boolean; provider: string | null }

/**
 * The `role` and `user_role` tables for administration. A change reaches the webhook at the next request, and tokens at
 * the next refresh.
 */
export function createRoles({ prisma, query }: Pick<Database, 'prisma' | 'query'>) {
  const findId = async (name: string): Promise<string | null> =>
    (await (await prisma()).role.findUnique({ where: { name }, select: { id: true } }))?.id ?? null

  return {
    /** Returns the id of a role; null when no role has the name. */
    findId,

    /** Creates a role and returns its id; null when the name is taken. */
    create: async (name: string): Promise<string | null> => {
      try {
        return (await (await prisma()).role.create({ data: { name }, select: { id: true } })).id
      } catch (error) {
        if (isUniqueViolation(error) && (await findId(name)) !== null) return null
        throw error
      }
    },

    /** Returns all roles by name. `users` counts the users with the role; `defaultOf` counts it as default role. */
    list: async () => {
      const roles = await (await prisma()).role.findMany({
        orderBy: { name: 'asc' },
        select: { id: true, name: true, _count: { select: { users: true, defaultOf: true } } },
      })
      return roles.map(({ id, name, _count }) => ({
        id,
        name,
        users: _count.users,
        defaultOf: _count.defaultOf,
      }))
    },

    /** Counts the users with the role, granted or as their default role. */
    countUsers: async (id: string): Promise<number> =>
      (await prisma()).user.count({
        where: { OR: [{ defaultRoleId: id }, { roles: { some: { roleId: id } } }] },
      }),

    /** Returns true when the role is granted to the user in `user_role`. */
    has: async (userId: string, roleId: string): Promise<boolean> =>
      (await (await prisma()).userRole.count({ where: { userId, roleId } })) > 0,

    /** Renames a role; false when another role has the name. */
    rename: async (id: string, name: string): Promise<boolean> => {
      try {
        await (await prisma()).role.update({ where: { id }, data: { name }, select: { id: true } })
        return true
      } catch (error) {
        const holder = isUniqueViolation(error) ? await findId(name) : null
        if (holder !== null) return false
        throw error
      }
    },

    /** Deletes a role with its grants; false when no role has the id. Throws the error that `findReference` reads. */
    delete: async (id: string): Promise<boolean> => (await query(deleteRole, [id])).length === 1,

    /** Grants a role to users, in one statement. From now on no provider takes it back. */
    grant: (userIds: readonly string[], roleId: string): Promise<Granted[]> =>
      query<Granted>(grantMany, [userIds, roleId]),

    /**
     * Revokes a role of users. The same statement clears it as default role, because a default role is one of the allowed
     * roles.
     */
    revoke: (userIds: readonly string[], roleId: string): Promise<Revoked[]> =>
      query<Revoked>(revokeMany, [userIds, roleId]),

    /** Sets a user's default role; null stands for the deployment's default role. */
    setDefault: async (userId: string, roleId: string | null): Promise<void> => {
      await (await prisma()).user.updateMany({ where: { id: userId }, data: { defaultRoleId: roleId } })
    },
  }
}
