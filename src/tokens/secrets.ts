import { createHash, hkdfSync, type KeyObject, randomBytes } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The purpose of a derived key. Each label has one purpose. */
export type SecretLabel =
  | 'cookie'
  | 'refresh-token'
  | 'key-encryption'
  | 'rate-limit'
  | 'device'
  | 'page'
  | 'form'
  | 'export'

/** Derives a 32-byte key for one purpose from the secret (HKDF-SHA256, RFC 5869). */
export function deriveKey(secret: string, label: SecretLabel): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, 'claimgate', label, 32))
}

/** The current key, which signs and encrypts, then earlier keys that are still accepted. 32 bytes each. */
export type SecretKeys = readonly [Uint8Array, ...Uint8Array[]]

/** Derives the keys for one purpose from the secret and, if given, from the previous secret. */
export function deriveKeys(secret: string, previous: string | undefined, label: SecretLabel): SecretKeys {
  return [deriveKey(secret, label), ...(previous === undefined ? [] : [deriveKey(previous, label)])]
}

/**
 * Returns the secret of a deployment that has only a private key. It is the same for every encoding of the key, so that
 * replicas with PKCS#1 and PKCS#8, files and variables agree.
 */
export function secretFromPrivateKey(privateKey: KeyObject): string {
  return createHash('sha256')
    .update(privateKey.export({ format: 'der', type: 'pkcs8' }))
    .digest('base64url')
}

/**
 * Returns the secret of an embedded deployment without AUTH_SECRET: 48 random bytes in the file `secret` of
 * `directory`, created once with mode 0600. The caller holds the lock of the directory. Throws when the file is too
 * short.
 */
export async function loadOrCreateSecret(directory: string): Promise<string> {
  const existing = await loadSecret(directory)
  if (existing !== null) return existing
  const path = join(directory, 'secret')
  const secret = randomBytes(48).toString('base64url')
  const unfinished = `${path}.new`
  await rm(unfinished, { force: true })
  await writeFile(unfinished, `${secret}\n`, { mode: 0o600, flush: true })
  await rename(unfinished, path)
  return secret
}

/** Returns the secret in the file `secret` of `directory`; null without the file. Throws when the file is too short. */
export async function loadSecret(directory: string): Promise<string | null> {
  const path = join(directory, 'secret')
  const existing = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  return existing === null ? null : checked(existing.trim(), path)
}

function checked(secret: string, path: string): string {
  if (Buffer.byteLength(secret) >= 32) return secret
  throw new Error(
    `The secret in ${path} has fewer than 32 bytes. Restore the file from a backup: sessions and the signing key depend on it.`,
  )
}
