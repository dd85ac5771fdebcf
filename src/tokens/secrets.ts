import { createHash, hkdfSync, type KeyObject, randomBytes } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

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

/**
 * The secret of an embedded deployment that was given none: 48 random bytes, made once and kept in `directory` with
 * mode 0600. The caller holds the lock of that directory. Throws when the file is there and too short to be a secret.
 */
export async function loadOrCreateSecret(directory: string): Promise<string> {
  const path = join(directory, 'secret')
  const existing = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (existing !== null) return checked(existing.trim(), path)
  const secret = randomBytes(48).toString('base64url')
  const unfinished = `${path}.new`
  await rm(unfinished, { force: true })
  await writeFile(unfinished, `${secret}\n`, { mode: 0o600, flush: true })
  await rename(unfinished, path)
  return secret
}

function checked(secret: string, path: string): string {
  if (Buffer.byteLength(secret) >= 32) return secret
  throw new Error(
    `The secret in ${path} has fewer than 32 bytes. Restore it: sessions and the signing key depend on it.`,
  )
}
