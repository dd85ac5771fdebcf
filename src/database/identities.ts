import { GatewayError } from '../errors.ts'
import type { Database } from './database.ts'
import { isUniqueViolation } from './failures.ts'

/** Who a provider says has signed in. `subject` never changes; the rest may. */
export type ProviderIdentity = {
  provider: string
  subject: string
  email: string | null
  emailVerified: boolean
}

type Found = { id: string; active: boolean }

export type Identities = ReturnType<typeof createIdentities>

/** The `identity` table: which user a provider's subject is. */
export function createIdentities({ prisma }: Pick<Database, 'prisma'>) {
  const find = async ({ provider, subject }: ProviderIdentity): Promise<Found | null> => {
    const where = { provider_subject: { provider, subject } }
    return (
      (await prisma.identity.findUnique({ where, select: { user: { select: { id: true, active: true } } } }))
        ?.user ?? null
    )
  }

  const touch = async (
    { provider, subject, email, emailVerified }: ProviderIdentity,
    now: Date,
  ): Promise<void> => {
    await prisma.identity.updateMany({
      where: { provider, subject },
      data: { email, emailVerified, lastUsedAt: now },
    })
  }

  const create = async (identity: ProviderIdentity, username: string): Promise<Found> => {
    const { email, emailVerified } = identity
    const user = { username, ...(emailVerified && { email, emailVerified }) }
    const made = await prisma.identity.create({
      data: { ...identity, user: { create: user } },
      select: { userId: true },
    })
    return { id: made.userId, active: true }
  }

  const refuseKnownEmail = async ({ email, emailVerified }: ProviderIdentity): Promise<void> => {
    if (email === null || !emailVerified) return
    const where = { emailVerified: true, email: { equals: email, mode: 'insensitive' as const } }
    if (await prisma.user.findFirst({ where, select: { id: true } })) throw linkRequired()
  }

  return {
    /**
     * The user of an identity, made on the first sign-in with the first of `usernames` that is free. An address that
     * somebody else has proven to be theirs never leads into their account.
     * Throws `signup_disabled`, `link_required`, and `username_taken` when no name was free.
     */
    findOrCreate: async (
      identity: ProviderIdentity,
      usernames: Iterable<string>,
      signup: boolean,
      now: Date,
    ): Promise<Found> => {
      const known = await find(identity)
      if (known) {
        await touch(identity, now)
        return known
      }
      if (!signup) throw new GatewayError('signup_disabled')
      await refuseKnownEmail(identity)
      for (const username of usernames) {
        try {
          return await create(identity, username)
        } catch (error) {
          if (!isUniqueViolation(error)) throw error
          // The same person in another tab, the address, or the name: only the last is worth another try.
          const other = await find(identity)
          if (other) return other
          await refuseKnownEmail(identity)
        }
      }
      throw new GatewayError('username_taken')
    },
  }
}

function linkRequired(): GatewayError {
  return new GatewayError('link_required', {
    detail: 'Sign in the way you did before; this provider can then be linked to your user.',
  })
}
