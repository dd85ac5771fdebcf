import { createHash, randomBytes } from 'node:crypto'
import { readdir, realpath, rename, rm } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Locks a directory for this process and returns the function that unlocks it. Throws when another process holds it.
 *
 * The lock is a listening socket in the directory. The kernel closes the socket when its process ends, also after
 * `kill -9`. So no lock outlives its process, and a reused process id does no harm.
 * The lock also holds between containers that share a volume on one host.
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  const take =
    process.platform === 'win32' ? await createPipeLock(directory) : await createSocketLock(directory)
  // Processes that start at the same moment all release, and retry after different pauses.
  for (let attempt = 0; attempt < 20; attempt++) {
    const release = await take()
    if (release) return release
    await sleep(5 + Math.random() * 45)
  }
  throw new Error(
    `Another process is using the data directory ${directory}. Stop it, or set AUTH_DATA_DIR to another directory, or DATABASE_URL to a PostgreSQL server that several processes can share.`,
  )
}

type Take = () => Promise<(() => Promise<void>) | null>

/**
 * Each process listens on a socket with a random name, and holds the lock when no other socket in the folder is alive.
 * A process publishes its socket before it looks, so at least one of two concurrent processes sees the other.
 * A socket gets its final name only after it listens, and no name is used twice. So a dead socket stays dead.
 */
async function createSocketLock(directory: string): Promise<Take> {
  const folder = await shortPath(directory)
  return async () => {
    if ((await findLiving(folder)).length > 0) return null
    const name = `lock-${randomBytes(4).toString('hex')}`
    const path = join(folder, name)
    const server = await listen(`${path}.new`)
    if (server === null) return null
    const release = async () => {
      await rm(path, { force: true })
      await close(server)
    }
    await rename(`${path}.new`, path)
    const isAlone = (await findLiving(folder)).every((living) => living === name)
    if (isAlone) return release
    await release()
    return null
  }
}

/** Returns the shorter form of the path. A socket address has at most 103 bytes on macOS, and 107 on Linux. */
async function shortPath(directory: string): Promise<string> {
  const absolute = await realpath(directory)
  const fromHere = relative('', absolute) || '.'
  const path = fromHere.length < absolute.length ? fromHere : absolute
  if (Buffer.byteLength(join(path, 'lock-12345678.new')) > 103) {
    throw new Error(`The path of AUTH_DATA_DIR is too long: ${directory}. Set a shorter path.`)
  }
  return path
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
function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', ({ code }: NodeJS.ErrnoException) =>
      resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT'),
    )
  })
}

/** Locks by a named pipe: Windows removes it with its process, and lets one process listen on a name. */
async function createPipeLock(directory: string): Promise<Take> {
  const name = createHash('sha256')
    .update(await realpath(directory))
    .digest('hex')
  return async () => {
    const server = await listen(`\\\\.\\pipe\\claimgate-${name}`)
    return server && (() => close(server))
  }
}

/** Returns a server that listens on `path`; null when another server does. */
function listen(path: string): Promise<Server | null> {
  const server = createServer((socket) => socket.destroy()).unref()
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
