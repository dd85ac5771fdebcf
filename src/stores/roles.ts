import type { Database } from '../database/database.ts'
import { isUniqueViolation } from '../database/failures.ts'

export type Roles = ReturnType<typeof createRoles>

/**
 * The `role` and `user_role` tables for administration. A change reaches the webhook at the next request, and tokens at
 * the next refresh.
 */
export function createRoles({ prisma }: Pick<Database, 'prisma'>) {
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

    /** Returns true when the role is granted to the user in `user_role`. */
    has: async (userId: string, roleId: string): Promise<boolean> =>
      (await (await prisma()).userRole.count({ where: { userId, roleId } })) > 0,

    /** Grants a role to a user; false when the user already has it. */
    grant: async (userId: string, roleId: string): Promise<boolean> =>
      (await (await prisma()).userRole.createMany({ data: [{ userId, roleId }], skipDuplicates: true }))
        .count === 1,

    /**
     * Revokes a role of a user. The same transaction clears it as default role, because a default role is one of the
     * allowed roles. Returns which of the two changed.
     */
    revoke: async (userId: string, roleId: string): Promise<{ granted: boolean; byDefault: boolean }> => {
      const client = await prisma()
      const [granted, byDefault] = await client.$transaction([
        client.userRole.deleteMany({ where: { userId, roleId } }),
        client.user.updateMany({
          where: { id: userId, defaultRoleId: roleId },
          data: { defaultRoleId: null },
        }),
      ])
      return { granted: granted.count > 0, byDefault: byDefault.count > 0 }
    },

    /** Sets a user's default role; null stands for the deployment's default role. */
    setDefault: async (userId: string, roleId: string | null): Promise<void> => {
      await (await prisma()).user.updateMany({ where: { id: userId }, data: { defaultRoleId: roleId } })
    },
  }
}
