import { z } from 'zod'
import type { Database } from './database.ts'

/** A signing key as it is stored. `privateKey` is encrypted; `publicJwk` is what /jwks lists. */
export type StoredKey = { kid: string; publicJwk: object; privateKey: Uint8Array<ArrayBuffer> }

// A statement, because Prisma's first query costs a quarter of a second that a start should not wait for.
const findActiveKey = {
  name: 'signing_key_active',
  text: `SELECT kid, public_jwk AS "publicJwk", private_key AS "privateKey" FROM signing_key WHERE state = 'active'`,
}

const keyRow = z.object({
  kid: z.string(),
  publicJwk: z.looseObject({}),
  privateKey: z.instanceof(Uint8Array).transform((bytes) => new Uint8Array(bytes)),
})

export type SigningKeyStore = ReturnType<typeof createSigningKeyStore>

/** The `signing_key` table. */
export function createSigningKeyStore({
  prisma,
  query,
  exclusively,
}: Pick<Database, 'prisma' | 'query' | 'exclusively'>) {
  const findActive = async (): Promise<StoredKey | null> => {
    const [row] = await query(findActiveKey, [])
    return row === undefined ? null : keyRow.parse(row)
  }
  return {
    /** The active key; when there is none, the one that `make` makes. Any number of processes get the same key. */
    findOrCreate: async (make: () => Promise<StoredKey>, now: Date): Promise<StoredKey> =>
      (await findActive()) ??
      exclusively(async () => {
        const found = await findActive()
        if (found) return found
        const made = await make()
        await prisma.signingKey.create({ data: { ...made, state: 'active', activeAt: now } })
        return made
      }),
  }
}
