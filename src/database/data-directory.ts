import { access, chmod, constants, mkdir, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Returns the path of the embedded database under `directory`. */
export function dataDirOf(directory: string): string {
  return join(directory, 'pglite')
}

// Names that the gateway leaves, also after an abrupt end; and names that may be in a directory that counts as empty.
const own = /^(pglite|secret)(\.new)?$|^lock-[0-9a-f]{8}(\.new)?$/
const database = /^pglite(\.new)?$/
const groupWrites = 0o020
const othersWrite = 0o002
const keepsGroup = 0o2000
const nothing = /^(lost\+found|\.gitkeep)$/

/**
 * Creates the data directory with mode 0700, or sets that mode on an empty directory or on an earlier data directory.
 * A volume of root that the group of this user may write keeps its owner and mode, as with `fsGroup` of Kubernetes.
 * Throws when the directory cannot be created or belongs to another user; the message says what to do.
 * Throws when the directory has other files in it, and does not change it.
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
      `The directory ${directory} has other files in it, and a data directory is closed to all other users. Set AUTH_DATA_DIR to an empty directory, such as ${join(directory, 'claimgate')}.`,
    )
  }
  await chmod(directory, 0o700).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPERM' || !(await isVolumeOfGroup(directory))) throw error
  })
  // Kubernetes lets the group read and write every file of a volume. The database stays private.
  if (names.includes('pglite')) await chmod(dataDirOf(directory), 0o700)
}

/** The id of the user of this process, also of a user without a name in this system; 0 on Windows, as in `stat`. */
export const ownUid = process.getuid?.() ?? 0

async function isVolumeOfGroup(directory: string): Promise<boolean> {
  const { uid, gid, mode } = await stat(directory)
  if (uid !== 0 || (mode & groupWrites) === 0 || !process.getgroups?.().includes(gid)) return false
  // Other users could put their own secret and database there. Only fsGroup marks a volume of a pod with this bit.
  if ((mode & othersWrite) !== 0 && (mode & keepsGroup) === 0) return false
  return access(directory, constants.R_OK | constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  )
}

/** Returns true when `directory` has an embedded database. */
export function hasEmbedded(directory: string): Promise<boolean> {
  return exists(dataDirOf(directory))
}

/** Returns true when the path is a file or a folder. */
export async function exists(path: string | URL): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null
}

export const noSnapshot = 'The snapshot of the embedded database is missing. Run: npm run build'

/**
 * Throws when the database in `dataDir` is incomplete, or when its major version of PostgreSQL differs from the one of
 * the snapshot, which the installed engine wrote. The engine itself would only say that it failed to initialize.
 */
export async function requireSameMajor(dataDir: string, snapshot: URL): Promise<void> {
  const [found, ours] = await Promise.all([
    readMajor(join(dataDir, 'PG_VERSION')),
    readMajor(new URL('PG_VERSION', snapshot)),
  ])
  if (ours === null) throw new Error(noSnapshot)
  if (found === null || !(await exists(join(dataDir, 'global/pg_control'))))
    throw new Error(
      `The folder ${dataDir} has no complete database: its file ${found === null ? 'PG_VERSION' : 'global/pg_control'} is missing. Restore the data directory from a backup, or set AUTH_DATA_DIR to another directory.`,
    )
  if (found !== ours)
    throw new Error(
      `The database in ${dataDir} is of PostgreSQL ${found}, and this version of Claimgate runs PostgreSQL ${ours}. Write its data to a file with the Claimgate version that it belongs to (claimgate export --output FILE). Then set AUTH_DATA_DIR to an empty directory and run this version: claimgate import claimgate FILE`,
    )
}

async function readMajor(file: string | URL): Promise<string | null> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text.trim().split('.')[0] || null
}

/** Returns an error with cause and cure for a file system code; returns any other error unchanged. */
export async function explain(error: NodeJS.ErrnoException, directory: string): Promise<Error> {
  const cure = 'or set AUTH_DATA_DIR to another directory, or DATABASE_URL to a PostgreSQL server'
  if (error.code === 'EROFS')
    return new Error(
      `The data directory ${directory} is on a read-only file system. Mount a volume there, ${cure}.`,
      { cause: error },
    )
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT')
    return new Error(
      `The data directory ${directory} has no room for a new database, which takes 40 MB. Free space there, ${cure}.`,
      { cause: error },
    )
  if (error.code !== 'EACCES' && error.code !== 'EPERM') return error
  const owner = (await stat(directory).catch(() => null))?.uid
  const reason =
    owner === undefined || owner === ownUid
      ? `User ${ownUid} has no permission to create or write the data directory ${directory}. Grant the permission`
      : `The data directory ${directory} belongs to user ${owner}, and this process runs as user ${ownUid}. Change the owner (chown -R ${ownUid} ${directory})`
  return new Error(`${reason}, ${cure}.`, { cause: error })
}
