import { createCipheriv, createDecipheriv, createPrivateKey, randomBytes } from 'node:crypto'
import type { NewKey } from '../stores/signing-keys.ts'
import { createKeyPair, type KeyPair, toPublicJwk } from './key-pair.ts'

const nonceBytes = 12
const tagBytes = 16

/** Encrypts the private part of a key for the database, with AES-256-GCM, bound to its kid. */
export function sealKey(pair: KeyPair, encryptionKey: Uint8Array): NewKey {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', encryptionKey, nonce).setAAD(Buffer.from(pair.kid))
  const sealed = [cipher.update(pair.privateKey.export({ format: 'der', type: 'pkcs8' })), cipher.final()]
  const privateKey = new Uint8Array(Buffer.concat([nonce, cipher.getAuthTag(), ...sealed]))
  return { kid: pair.kid, publicJwk: toPublicJwk(pair), privateKey }
}

/** Decrypts a stored key; null when it was encrypted with another key, or was modified. */
export function openKey({ kid, privateKey }: NewKey, encryptionKey: Uint8Array): KeyPair | null {
  const bytes = Buffer.from(privateKey)
  try {
    const decipher = createDecipheriv('aes-256-gcm', encryptionKey, bytes.subarray(0, nonceBytes))
      .setAAD(Buffer.from(kid))
      .setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes))
    const der = Buffer.concat([decipher.update(bytes.subarray(nonceBytes + tagBytes)), decipher.final()])
    return createKeyPair(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }), kid)
  } catch {
    return null
  }
}
