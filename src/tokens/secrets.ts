import { createHash, hkdfSync, type KeyObject } from 'node:crypto'

/** What each derived key is for. A label is never used for two purposes. */
export type SecretLabel = 'cookie' | 'refresh-token' | 'key-encryption' | 'rate-limit' | 'page' | 'form'

/** Derives a 32-byte key for one purpose from the one secret (HKDF-SHA256, RFC 5869). */
export function deriveKey(secret: string, label: SecretLabel): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, 'claimgate', label, 32))
}

/** A key that makes, followed by those that are still accepted. 32 bytes each. */
export type SecretKeys = readonly [Uint8Array, ...Uint8Array[]]

/** The keys for one purpose, of the secret and of the one before it, if that is still accepted. */
export function deriveKeys(secret: string, previous: string | undefined, label: SecretLabel): SecretKeys {
  return [deriveKey(secret, label), ...(previous === undefined ? [] : [deriveKey(previous, label)])]
}

/**
 * The secret of a deployment that has only a private key: the same for every spelling of that key, so that replicas
 * agree whether they got it as PKCS#1 or PKCS#8, from a file or from a variable.
 */
export function secretFromPrivateKey(privateKey: KeyObject): string {
  return createHash('sha256')
    .update(privateKey.export({ format: 'der', type: 'pkcs8' }))
    .digest('base64url')
}
