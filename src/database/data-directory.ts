import { chmod, mkdir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Where under `directory` the embedded database is kept. */
export function dataDirOf(directory: string): string {
  return join(directory, 'pglite')
}

// What the gateway leaves in it, at whatever moment it ends, and what may be in a directory that is empty to its owner.
const own = /^(pglite|secret)(\.new)?$|^lock-[0-9a-f]{8}(\.new)?$/
const database = /^pglite(\.new)?$/
const nothing = /^(lost\+found|\.gitkeep)$/

/**
 * Makes a data directory, or one that is empty or was made here before, private to its owner. Throws when it is somebody
 * else's, and leaves that as it is.
 */
export async function makePrivate(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true })
  const names = (await readdir(directory)).filter((name) => !nothing.test(name))
  if (!names.every((name) => own.test(name)) && !names.some((name) => database.test(name))) {
    throw new Error(
      `The directory ${directory} has other files in it, and would be closed to everybody else. Set AUTH_DATA_DIR to a directory of its own, such as ${join(directory, 'claimgate')}.`,
    )
  }
  await chmod(directory, 0o700)
}

/** Whether there is an embedded database under `directory`. */
export function hasEmbedded(directory: string): Promise<boolean> {
  return exists(dataDirOf(directory))
}

/** Whether there is a file or folder of that name. */
export async function exists(path: string | URL): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null
}
