import type { Database } from '../database/database.ts'
import { isUniqueViolation } from '../database/failures.ts'

export type Roles = ReturnType<typeof createRoles>

/** The `role` and `user_role` tables as an administrator changes them. The webhook's answers follow at the next request, tokens at the next refresh. */
export function createRoles({ prisma }: Pick<Database, 'prisma'>) {
  return {
    /** The id of a role; null when there is none of that name. */
    findId: async (name: string): Promise<string | null> =>
      (await prisma.role.findUnique({ where: { name }, select: { id: true } }))?.id ?? null,

    /** Makes a role and returns its id; null when there is one of that name. */
    create: async (name: string): Promise<string | null> => {
      try {
        return (await prisma.role.create({ data: { name }, select: { id: true } })).id
      } catch (error) {
        if (isUniqueViolation(error)) return null
        throw error
      }
    },

    /** All roles in the order of their names, with how many users have them, and for how many they are the default. */
    list: async () => {
      const roles = await prisma.role.findMany({
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

    /** Whether a user has a role by a row of their own. */
    has: async (userId: string, roleId: string): Promise<boolean> =>
      (await prisma.userRole.count({ where: { userId, roleId } })) > 0,

    /** Gives a role to a user; false when they have it already. */
    grant: async (userId: string, roleId: string): Promise<boolean> =>
      (await prisma.userRole.createMany({ data: [{ userId, roleId }], skipDuplicates: true })).count === 1,

    /**
     * Takes a role from a user. It also stops being their default role in the same transaction, because a default role
     * is one of the allowed roles. Says what has changed.
     */
    revoke: async (userId: string, roleId: string): Promise<{ granted: boolean; byDefault: boolean }> => {
      const [granted, byDefault] = await prisma.$transaction([
        prisma.userRole.deleteMany({ where: { userId, roleId } }),
        prisma.user.updateMany({
          where: { id: userId, defaultRoleId: roleId },
          data: { defaultRoleId: null },
        }),
      ])
      return { granted: granted.count > 0, byDefault: byDefault.count > 0 }
    },

    /** Sets a user's default role; null leaves it to the deployment. */
    setDefault: async (userId: string, roleId: string | null): Promise<void> => {
      await prisma.user.updateMany({ where: { id: userId }, data: { defaultRoleId: roleId } })
    },
  }
}
