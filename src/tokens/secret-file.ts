import { randomBytes } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

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
