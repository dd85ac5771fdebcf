import { createHash, randomBytes } from 'node:crypto'
import { chmod, lstat, mkdir, open, readdir, realpath, rename, rm, stat } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ownUid } from './data-directory.ts'

/** A locked directory. */
export type DirectoryLock = {
  /** The folder outside the directory that has the socket; null when the socket is in the directory. */
  elsewhere: string | null
  /** Passes each connection of another process to `answer`, also the connections that wait already. */
  serve(answer: (socket: Socket) => void): void
  /** Closes the connections of other processes, and each new one. */
  disconnect(): void
  unlock(): Promise<void>
}

/** The options of `lockDirectory`: the number of attempts, and the function that opens a listening socket. */
export type LockOptions = { attempts?: number; listen?: typeof listenOn }

/** The error of a directory that another process has locked. */
export class DirectoryInUseError extends Error {
  constructor(directory: string) {
    super(
      `Another process is using the data directory ${directory}. Stop it, or set AUTH_DATA_DIR to another directory, or DATABASE_URL to a PostgreSQL server that several processes can share.`,
    )
    this.name = 'DirectoryInUseError'
  }
}

/**
 * Locks a directory for this process. Throws DirectoryInUseError when another process holds it.
 *
 * The lock is a listening socket in the directory, with mode 0600, and other processes can connect to it. The kernel
 * closes the socket when its process ends, also after `kill -9`. So no lock outlives its process, and a reused process
 * id does no harm. The lock also holds between containers that share a volume on one host, unless the file system of
 * the directory has no sockets. Then the socket is in the folder for temporary files.
 */
export async function lockDirectory(
  directory: string,
  { attempts = 20, listen = listenOn }: LockOptions = {},
): Promise<DirectoryLock> {
  const attempt = process.platform === 'win32' ? takePipe : takeSocket
  // Processes that start at the same moment all release, and retry after different pauses.
  for (let left = attempts; left > 0; left--) {
    const lock = await attempt(directory, listen)
    if (lock) return lock
    if (left > 1) await sleep(5 + Math.random() * 45)
  }
  throw new DirectoryInUseError(directory)
}

/** Connects to the process that holds the lock of a directory; null when no process holds it. */
export async function connectHolder(directory: string): Promise<Socket | null> {
  if (process.platform === 'win32') return tryConnect(await pipeOf(directory))
  const elsewhere = await folderElsewhere(directory)
  return (await connectIn(directory)) ?? ((await isPrivate(elsewhere)) ? connectIn(elsewhere) : null)
}

async function connectIn(place: string): Promise<Socket | null> {
  const folder = await openFolder(place)
  try {
    const [name] = await findLiving(folder.path)
    return name === undefined ? null : await tryConnect(join(folder.path, name))
  } finally {
    await folder.close()
  }
}

type Listen = typeof listenOn

async function takeSocket(directory: string, listen: Listen): Promise<DirectoryLock | null> {
  try {
    return await takeSocketIn(directory, null, listen)
  } catch (error) {
    const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException
    if (!/^(EPERM|ENOTSUP|EOPNOTSUPP|ENOSYS)$/.test(code ?? '')) throw error
    const elsewhere = await folderElsewhere(directory)
    await mkdir(elsewhere, { mode: 0o700 }).catch(() => {})
    if (!(await isPrivate(elsewhere)))
      throw new Error(
        `The folder ${elsewhere} is not private to this user. Remove it, or set TMPDIR to another folder.`,
      )
    return takeSocketIn(elsewhere, elsewhere, listen)
  }
}

/**
 * Each process listens on a socket with a random name, and holds the lock when no other socket in the folder is alive.
 * A process publishes its socket before it looks, so at least one of two concurrent processes sees the other.
 * A socket gets its final name only after it listens, and no name is used twice. So a dead socket stays dead.
 */
async function takeSocketIn(
  place: string,
  elsewhere: string | null,
  listen: Listen,
): Promise<DirectoryLock | null> {
  const folder = await openFolder(place)
  const name = `lock-${randomBytes(4).toString('hex')}`
  const path = join(folder.path, name)
  let server: Server | null = null
  const release = async () => {
    await rm(path, { force: true })
    if (server) await close(server)
    await folder.close()
  }
  try {
    const isFree = (await findLiving(folder.path)).length === 0
    server = isFree ? await listen(`${path}.new`) : null
    if (server) {
      const lock = createLock(server, elsewhere, release)
      // Some volumes refuse a mode for a socket. Then the mode of the directory is the protection.
      await chmod(`${path}.new`, 0o600).catch(() => {})
      await rename(`${path}.new`, path)
      if ((await findLiving(folder.path)).every((living) => living === name)) return lock
      lock.disconnect()
    }
    await release()
    return null
  } catch (error) {
    await release()
    throw error
  }
}

function createLock(server: Server, elsewhere: string | null, release: () => Promise<void>): DirectoryLock {
  const sockets = new Set<Socket>()
  let answer: ((socket: Socket) => void) | undefined
  server.on('connection', (socket) => {
    sockets.add(socket.unref())
    socket.on('error', () => {}).once('close', () => sockets.delete(socket))
    answer?.(socket)
  })
  const serve: DirectoryLock['serve'] = (next) => {
    answer = next
    for (const socket of [...sockets]) next(socket)
  }
  const disconnect = () => serve((socket) => socket.destroy())
  return {
    elsewhere,
    serve,
    disconnect,
    unlock: async () => {
      disconnect()
      await release()
    },
  }
}

/** A path of a folder that is short enough for a socket in it, until `close`. */
type Folder = { path: string; close(): Promise<void> }

/** Opens a folder for sockets. A socket address has at most 103 bytes on macOS, and 107 on Linux. */
async function openFolder(directory: string): Promise<Folder> {
  const absolute = await realpath(directory)
  const paths = [relative('', absolute) || '.', absolute]
  const short = paths.find((path) => Buffer.byteLength(join(path, 'lock-12345678.new')) <= 103)
  if (short !== undefined) return { path: short, close: async () => {} }
  if (process.platform !== 'linux')
    throw new Error(`The path of AUTH_DATA_DIR is too long: ${directory}. Set a shorter path.`)
  const handle = await open(absolute)
  return { path: `/proc/self/fd/${handle.fd}`, close: () => handle.close() }
}

/** Returns the folder of the lock for a directory whose file system has no sockets. */
async function folderElsewhere(directory: string): Promise<string> {
  const { dev, ino } = await stat(directory)
  return join(tmpdir(), `claimgate-${ownUid}-${dev}-${ino}`)
}

/** Returns true for a folder that only this user can use. */
async function isPrivate(folder: string): Promise<boolean> {
  const found = await lstat(folder).catch(() => null)
  return found?.isDirectory() === true && found.uid === ownUid && (found.mode & 0o077) === 0
}

/** Returns the names of the sockets that a process listens on, and removes dead sockets. */
async function findLiving(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => /^lock-[0-9a-f]{8}$/.test(name))
  const living = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name)
      if (await isAlive(path)) return [name]
      await rm(path, { force: true })
      return []
    }),
  )
  return living.flat()
}

/** Returns false only when the connection is refused or the file is gone. Any other error means a living process. */
async function isAlive(path: string): Promise<boolean> {
  try {
    ;(await connectTo(path)).destroy()
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code !== 'ECONNREFUSED' && code !== 'ENOENT'
  }
}

const tryConnect = (path: string): Promise<Socket | null> => connectTo(path).catch(() => null)

function connectTo(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.once('error', reject)
    socket.once('connect', () => resolve(socket.off('error', reject).on('error', () => {})))
  })
}

/** Locks by a named pipe: Windows removes it with its process, and lets one process listen on a name. */
async function takePipe(directory: string, listen: Listen): Promise<DirectoryLock | null> {
  const server = await listen(await pipeOf(directory))
  return server && createLock(server, null, () => close(server))
}

async function pipeOf(directory: string): Promise<string> {
  const name = createHash('sha256').update(await realpath(directory))
  return `\\\\.\\pipe\\claimgate-${name.digest('hex')}`
}

/** Returns a server that listens on `path`; null when another server does. */
function listenOn(path: string): Promise<Server | null> {
  const server = createServer().unref()
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(null)
      else reject(new Error(`The data directory cannot be locked: ${error.message}`, { cause: error }))
    })
    server.listen(path, () => resolve(server.removeAllListeners('error')))
  })
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}
