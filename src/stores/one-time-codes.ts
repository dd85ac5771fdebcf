import type { Database } from '../database/database.ts'

/** A one-time code as it is stored: bound to a session and, if the client sent one, to a PKCE challenge (RFC 7636). */
export type NewCode = {
  hash: Uint8Array<ArrayBuffer>
  sessionId: string
  codeChallenge: string | null
  expiresAt: Date
}

export type OneTimeCodes = ReturnType<typeof createOneTimeCodes>

const consumeState = {
  name: 'oauth_state_spend',
  text: 'INSERT INTO oauth_state (hash, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING true AS spent',
}

/** The tables of what works once: `authorization_code` and `oauth_state`. */
export function createOneTimeCodes({ prisma, query }: Pick<Database, 'prisma' | 'query'>) {
  return {
    createCode: async (code: NewCode): Promise<void> =>
      void (await prisma.authorizationCode.create({ data: code })),

    /** Marks a state as used; false when it was used before. One statement: of any number of callers one is first. */
    consumeState: async (hash: Uint8Array, expiresAt: Date): Promise<boolean> =>
      (await query(consumeState, [hash, expiresAt])).length === 1,

    /** Deletes expired codes and states, and sessions a day after their end. Returns the number of deleted rows. */
    sweep: async (now: Date): Promise<number> => {
      const expired = { where: { expiresAt: { lt: now } } }
      const dayAgo = new Date(now.getTime() - 86_400_000)
      const sessions = { OR: [{ expiresAt: { lt: dayAgo } }, { idleExpiresAt: { lt: dayAgo } }] }
      const gone = await Promise.all([
        prisma.authorizationCode.deleteMany(expired),
        prisma.oauthState.deleteMany(expired),
        prisma.session.deleteMany({ where: sessions }),
      ])
      return gone.reduce((sum, { count }) => sum + count, 0)
    },
  }
}
