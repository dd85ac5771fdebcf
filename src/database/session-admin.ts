import type { Database } from './database.ts'
import { livingAt } from './sessions.ts'

export type SessionAdmin = ReturnType<typeof createSessionAdmin>

/** The `session` table as an administrator changes it: gateways see it at the next request. */
export function createSessionAdmin({ prisma }: Pick<Database, 'prisma'>) {
  const end = async (which: { id: string } | { userId: string }, now: Date): Promise<number> => {
    const data = { revokedAt: now, revokedReason: 'administrator' }
    return (await prisma.session.updateMany({ where: { ...which, ...livingAt(now) }, data })).count
  }
  return {
    /** Ends one living session; false when there is none of that id. */
    revoke: async (id: string, now: Date): Promise<boolean> => (await end({ id }, now)) === 1,

    /** Ends all living sessions of a user and returns how many. */
    revokeAll: (userId: string, now: Date): Promise<number> => end({ userId }, now),
  }
}
