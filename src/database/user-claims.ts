import type { Database } from './database.ts'
import type { Prisma } from './generated/client.ts'

/** The extra claims of users, as an administrator writes them. */
export function createUserClaims({ prisma }: Pick<Database, 'prisma'>) {
  return {
    /** Gives a user a claim in place of one of the same name. */
    set: async (userId: string, name: string, value: Prisma.InputJsonValue): Promise<void> => {
      const claim = { userId, name, value }
      await prisma.userClaim.upsert({
        where: { userId_name: { userId, name } },
        create: claim,
        update: claim,
      })
    },

    /** Takes a claim from a user; false when they had none of that name. */
    remove: async (userId: string, name: string): Promise<boolean> =>
      (await prisma.userClaim.deleteMany({ where: { userId, name } })).count === 1,
  }
}
