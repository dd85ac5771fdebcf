import { chmod, mkdir, readdir, stat } from 'node:fs/promises'
import { userInfo } from 'node:os'
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
 * Makes a data directory, or one that is empty or was made here before, private to its owner. Throws when it cannot be
 * made or belongs to another user, with the cure, and when it has other files in it, and leaves it as it is then.
 */
export async function makePrivate(directory: string): Promise<void> {
  try {
    await takeDirectory(directory)
  } catch (error) {
    throw await explain(error as NodeJS.ErrnoException, directory)
  }
}

async function takeDirectory(directory: string): Promise<void> {
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

/** The cause of a failure that the file system reports by a code alone; any other error as it is. */
async function explain(error: NodeJS.ErrnoException, directory: string): Promise<Error> {
  const cure = 'or set AUTH_DATA_DIR to another directory, or DATABASE_URL to a PostgreSQL server'
  if (error.code === 'EROFS')
    return new Error(
      `The data directory ${directory} is on a read-only file system. Mount a volume there, ${cure}.`,
      { cause: error },
    )
  if (error.code !== 'EACCES' && error.code !== 'EPERM') return error
  const user = userInfo().uid
  const owner = (await stat(directory).catch(() => null))?.uid
  const reason =
    owner === undefined || owner === user
      ? `The data directory ${directory} may not be made or written by user ${user}. Give this user the right`
      : `The data directory ${directory} belongs to user ${owner}, and this process runs as user ${user}. Give it to this user (chown -R ${user} ${directory})`
  return new Error(`${reason}, ${cure}.`, { cause: error })
}
