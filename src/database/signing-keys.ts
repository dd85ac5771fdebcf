import type { Database } from './database.ts'

/** A signing key as it is stored. `privateKey` is encrypted; `publicJwk` is what /jwks lists. */
export type StoredKey = { kid: string; publicJwk: object; privateKey: Uint8Array<ArrayBuffer> }

export type SigningKeyStore = ReturnType<typeof createSigningKeyStore>

/** The `signing_key` table. */
export function createSigningKeyStore({ prisma, exclusively }: Pick<Database, 'prisma' | 'exclusively'>) {
  const findActive = async (): Promise<StoredKey | null> => {
    const row = await prisma.signingKey.findFirst({ where: { state: 'active' } })
    return row && { kid: row.kid, publicJwk: row.publicJwk as object, privateKey: row.privateKey }
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
