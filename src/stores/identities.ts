import type { Database } from '../database/database.ts'
import { isUniqueViolation } from '../database/failures.ts'
import { GatewayError } from '../errors.ts'
import { living } from './access.ts'
import { takeBackAll } from './provider-roles.ts'
import { mostSessions } from './session-list.ts'
import { endedBy } from './sessions.ts'
import { isNameTaken } from './users.ts'

/** The provider's data about a user. `subject` never changes; the other members may. */
export type ProviderIdentity = {
  provider: string
  subject: string
  email: string | null
  emailVerified: boolean
}

type Found = { id: string; active: boolean }

/** `isNew` when this call made the user. */
type FoundOrMade = Found & { isNew: boolean }

// Prisma's insensitive `equals` is ILIKE: it reads the underscore of an address as a wildcard, and uses no index.
// A user that another tab has just made for this identity does not count as an owner.
const findOwnerOfEmail = {
  name: 'user_owner_of_email',
  text: `SELECT u.id FROM {user} u WHERE u.email_verified AND {email_key}(u.email) COLLATE "C" = {email_key}($1)
    AND NOT EXISTS (SELECT 1 FROM {identity} i WHERE i.user_id = u.id AND i.provider = $2 AND i.subject = $3)`,
}

const lockUser = `SELECT password IS NOT NULL AS "hasPassword" FROM {user} WHERE id = $1::uuid FOR UPDATE`

const endSessions = `UPDATE {session} SET revoked_at = $1, revoked_reason = 'identity_unlinked' WHERE id IN (
  SELECT s.id FROM {session} s, {user} u
  WHERE u.id = $2::uuid AND s.id IS DISTINCT FROM $3::uuid AND (s.provider = $4 OR s.provider IS NULL) AND ${living}
  LIMIT ${mostSessions})`

const endAllOthers = `UPDATE {user} SET session_epoch = session_epoch + 1
  WHERE id = $1::uuid AND ${endedBy('identity_unlinked')}
    AND set_config('claimgate.keep_session', coalesce($2, ''), true) IS NOT NULL`

export type Identities = ReturnType<typeof createIdentities>

/** The `identity` table, which maps a provider's subject to a user. */
export function createIdentities({ prisma, query, qualify }: Pick<Database, 'prisma' | 'query' | 'qualify'>) {
  const find = async ({
    provider,
    subject,
  }: Pick<ProviderIdentity, 'provider' | 'subject'>): Promise<Found | null> => {
    const where = { provider_subject: { provider, subject } }
    return (
      (
        await (
          await prisma()
        ).identity.findUnique({ where, select: { user: { select: { id: true, active: true } } } })
      )?.user ?? null
    )
  }

  const touch = async (
    { provider, subject, email, emailVerified }: ProviderIdentity,
    now: Date,
  ): Promise<void> => {
    await (await prisma()).identity.updateMany({
      where: { provider, subject },
      data: { email, emailVerified, lastUsedAt: now },
    })
  }

  const create = async (identity: ProviderIdentity, username: string): Promise<FoundOrMade> => {
    const { email, emailVerified } = identity
    const user = { username, ...(emailVerified && { email, emailVerified }) }
    const made = await (await prisma()).identity.create({
      data: { ...identity, user: { create: user } },
      select: { userId: true },
    })
    return { id: made.userId, active: true, isNew: true }
  }

  const refuseKnownEmail = async (identity: ProviderIdentity): Promise<void> => {
    const { email, emailVerified, provider, subject } = identity
    if (email === null || !emailVerified) return
    if ((await query(findOwnerOfEmail, [email, provider, subject])).length > 0) throw linkRequired()
  }

  return {
    /** Returns true for an identity that is linked to the user. */
    isLinked: async (
      identity: Pick<ProviderIdentity, 'provider' | 'subject'>,
      userId: string,
    ): Promise<boolean> => (await find(identity))?.id === userId,

    /**
     * Links an identity to a user; a second call succeeds. Throws `identity_taken` when it is linked to another user:
     * two users are never merged.
     */
    link: async (identity: ProviderIdentity, userId: string, now: Date): Promise<void> => {
      try {
        await (await prisma()).identity.create({ data: { ...identity, userId } })
      } catch (error) {
        if (!isUniqueViolation(error)) throw error
        const found = await find(identity)
        if (found === null) throw error
        if (found.id !== userId) throw new GatewayError('identity_taken', { cause: error })
        await touch(identity, now)
      }
    },

    /**
     * Unlinks a provider from a user; false when it was not linked. The roles that it granted are taken back. The user's other sessions than `keepSession` (null:
     * all) end, if they began with the provider or an earlier version did not note their provider. Throws `last_way_in`
     * when the user would have no sign-in method left. It locks the user's row, so that two concurrent requests cannot
     * remove the last two methods.
     */
    unlink: async (
      provider: string,
      userId: string,
      keepSession: string | null,
      now: Date,
    ): Promise<boolean> =>
      (await prisma()).$transaction(async (tx) => {
        const execute = async (text: string, ...values: unknown[]) =>
          tx.$executeRawUnsafe(await qualify(text), ...values)
        const [user] = await tx.$queryRawUnsafe<{ hasPassword: boolean }[]>(await qualify(lockUser), userId)
        const others = await tx.identity.count({ where: { userId, provider: { not: provider } } })
        const { count } = await tx.identity.deleteMany({ where: { userId, provider } })
        if (count === 0) return false
        if (!user?.hasPassword && others === 0) throw new GatewayError('last_way_in')
        await execute(takeBackAll, userId, provider)
        const ended = await execute(endSessions, now, userId, keepSession, provider)
        // More sessions than a user can have today take too long to end one by one, so all others end at once.
        if (ended === mostSessions) await execute(endAllOthers, userId, keepSession)
        return true
      }),

    /**
     * Returns the user of an identity. The first sign-in creates the user with the first free name of `usernames`.
     * A verified e-mail address of another user never gives access to that user's account.
     * Throws `signup_disabled`, `link_required`, and `username_taken` when no name was free.
     */
    findOrCreate: async (
      identity: ProviderIdentity,
      usernames: Iterable<string>,
      signup: boolean,
      now: Date,
    ): Promise<FoundOrMade> => {
      const known = await find(identity)
      if (known) {
        await touch(identity, now)
        return { ...known, isNew: false }
      }
      if (!signup) throw new GatewayError('signup_disabled')
      await refuseKnownEmail(identity)
      for (const username of usernames) {
        try {
          return await create(identity, username)
        } catch (error) {
          if (!isUniqueViolation(error)) throw error
          // The identity, the e-mail address or the name was taken meanwhile; only a taken name is worth another try.
          const other = await find(identity)
          if (other) return { ...other, isNew: false }
          await refuseKnownEmail(identity)
          if (!(await isNameTaken(query, username))) throw error
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
