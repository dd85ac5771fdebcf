import { randomBytes } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * The secret of an embedded deployment that was given none: 48 random bytes, made once and kept in `directory` with
 * mode 0600. The caller holds the lock of that directory.
 */
export async function loadOrCreateSecret(directory: string): Promise<string> {
  const path = join(directory, 'secret')
  const existing = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (existing !== null) return existing.trim()
  const secret = randomBytes(48).toString('base64url')
  const unfinished = `${path}.new`
  await writeFile(unfinished, `${secret}\n`, { mode: 0o600, flush: true })
  await rename(unfinished, path)
  return secret
}
