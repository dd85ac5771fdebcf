import * as z from 'zod'
import type { Database } from '../database/database.ts'

/** A key's state. next: published, not signing yet. active: signs. retiring: published until its last token expires. */
export type KeyState = 'next' | 'active' | 'retiring'

/** A signing key as it is stored. `privateKey` is encrypted; `publicJwk` is what /jwks lists. */
export type StoredKey = {
  kid: string
  publicJwk: Record<string, unknown>
  privateKey: Uint8Array<ArrayBuffer>
  state: KeyState
  createdAt: Date
  activeAt: Date | null
  retiringAt: Date | null
  /** The longest lifetime of its tokens, in seconds. */
  tokenLifetime: number
}

/** A key that is not stored yet. */
export type NewKey = Pick<StoredKey, 'kid' | 'publicJwk' | 'privateKey'>

// A prepared statement: it runs every two seconds, and Prisma's first query would delay the start.
const listKeys = {
  name: 'signing_keys',
  text: `SELECT kid, public_jwk AS "publicJwk", private_key AS "privateKey", state, created_at AS "createdAt",
    active_at AS "activeAt", retiring_at AS "retiringAt", token_lifetime AS "tokenLifetime"
    FROM {signing_key} ORDER BY created_at, kid`,
}

const keyRow: z.ZodType<StoredKey> = z.object({
  kid: z.string().min(1),
  publicJwk: z.record(z.string(), z.unknown()),
  privateKey: z.instanceof(Uint8Array).transform((bytes) => new Uint8Array(bytes)),
  state: z.enum(['next', 'active', 'retiring']),
  createdAt: z.date(),
  activeAt: z.date().nullable(),
  retiringAt: z.date().nullable(),
  tokenLifetime: z.number().int(),
})

export type SigningKeyStore = ReturnType<typeof createSigningKeyStore>

/**
 * The `signing_key` table. Callers change it inside `exclusively`, so that concurrent processes are safe. Every change
 * is also conditional, and the indexes allow one next and one active key.
 */
export function createSigningKeyStore({
  prisma,
  query,
  exclusively,
}: Pick<Database, 'prisma' | 'query' | 'exclusively'>) {
  return {
    exclusively,

    /** Returns all keys, the oldest first. Throws when a row is no valid key. */
    list: async (): Promise<StoredKey[]> => z.array(keyRow).parse(await query(listKeys, [])),

    /** Stores a new key in the given state. `tokenLifetime` is in seconds. */
    add: async (key: NewKey, state: 'next' | 'active', tokenLifetime: number, now: Date): Promise<void> => {
      const activeAt = state === 'active' ? now : null
      const publicJwk = key.publicJwk as object
      await (await prisma()).signingKey.create({
        data: { ...key, publicJwk, state, tokenLifetime, createdAt: now, activeAt },
      })
    },

    /** Makes the key `kid` active and the previous active key retiring, in one transaction. */
    activate: async (kid: string, now: Date): Promise<void> => {
      const client = await prisma()
      await client.$transaction([
        client.signingKey.updateMany({
          where: { state: 'active', kid: { not: kid } },
          data: { state: 'retiring', retiringAt: now },
        }),
        client.signingKey.updateMany({
          where: { kid, state: 'next' },
          data: { state: 'active', activeAt: now },
        }),
      ])
    },

    /** Raises the stored token lifetime of a key to `tokenLifetime` seconds; a longer lifetime stays. */
    extend: async (kid: string, tokenLifetime: number): Promise<void> => {
      await (await prisma()).signingKey.updateMany({
        where: { kid, tokenLifetime: { lt: tokenLifetime } },
        data: { tokenLifetime },
      })
    },

    /** Removes a key that is not active; false when no key has the kid, or it is the active key. */
    remove: async (kid: string): Promise<boolean> =>
      (await (await prisma()).signingKey.deleteMany({ where: { kid, state: { not: 'active' } } })).count ===
      1,

    /** Replaces the encrypted private part, unless it has changed since `old` was read. */
    reseal: async (
      kid: string,
      old: Uint8Array<ArrayBuffer>,
      privateKey: Uint8Array<ArrayBuffer>,
    ): Promise<void> => {
      await (await prisma()).signingKey.updateMany({ where: { kid, privateKey: old }, data: { privateKey } })
    },
  }
}
