import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  generateKeyPair,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import { promisify } from 'node:util'
import type { SigningKeyStore, StoredKey } from '../database/signing-keys.ts'
import { createKeyPair, type KeyPair, toPublicJwk } from './key-pair.ts'

/** The keys of this process: one that signs, and all that verify. */
export type SigningKeys = {
  active: KeyPair
  /** The public key of that `kid`; undefined when it is not, or no longer, ours. */
  find(kid: string): KeyObject | undefined
  /** The body of /jwks. */
  jwks: string
}

/** The keys of a deployment whose key comes from the environment. */
export function createSigningKeys(active: KeyPair): SigningKeys {
  const keys = new Map([[active.kid, active.publicKey]])
  return {
    active,
    find: (kid) => keys.get(kid),
    jwks: JSON.stringify({ keys: [toPublicJwk(active)] }),
  }
}

/** Makes a new RSA key of that many bits, in the thread pool. */
export async function generateSigningKey(bits: number): Promise<KeyPair> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: bits })
  return createKeyPair(privateKey)
}

/**
 * The active key of the database, which is what `generate` makes on the first start; the private part is encrypted
 * with `encryptionKey` (AES-256-GCM) before it is stored. Throws when it was encrypted with another AUTH_SECRET.
 */
export async function loadSigningKeys(
  store: SigningKeyStore,
  encryptionKey: Uint8Array,
  generate: () => Promise<KeyPair>,
  now: Date,
): Promise<SigningKeys> {
  const make = async () => toStoredKey(await generate(), encryptionKey)
  const stored = await store.findOrCreate(make, now)
  return createSigningKeys(createKeyPair(openPrivateKey(stored, encryptionKey), stored.kid))
}

function toStoredKey(pair: KeyPair, encryptionKey: Uint8Array): StoredKey {
  return { kid: pair.kid, publicJwk: toPublicJwk(pair), privateKey: sealPrivateKey(pair, encryptionKey) }
}

/** AES-256-GCM over the PKCS#8 form, bound to the kid: 12 bytes nonce, 16 bytes tag, ciphertext. */
function sealPrivateKey({ kid, privateKey }: KeyPair, encryptionKey: Uint8Array): Uint8Array<ArrayBuffer> {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', encryptionKey, nonce).setAAD(Buffer.from(kid))
  const sealed = [cipher.update(privateKey.export({ format: 'der', type: 'pkcs8' })), cipher.final()]
  return new Uint8Array(Buffer.concat([nonce, cipher.getAuthTag(), ...sealed]))
}

function openPrivateKey({ kid, privateKey }: StoredKey, encryptionKey: Uint8Array): KeyObject {
  const bytes = Buffer.from(privateKey)
  try {
    const decipher = createDecipheriv('aes-256-gcm', encryptionKey, bytes.subarray(0, 12))
      .setAAD(Buffer.from(kid))
      .setAuthTag(bytes.subarray(12, 28))
    const der = Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()])
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  } catch (cause) {
    throw new Error(
      `The signing key ${kid} in the database was encrypted with another AUTH_SECRET. Set AUTH_SECRET to what it was.`,
      { cause },
    )
  }
}
