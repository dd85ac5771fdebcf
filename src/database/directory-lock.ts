import { createHash, randomBytes } from 'node:crypto'
import { readdir, realpath, rename, rm } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Takes a directory for this process alone and returns what gives it back. Throws when another living process has it.
 *
 * The lock is a listening socket in the directory: the kernel closes it when its process dies, however it dies, so a
 * `kill -9` leaves nothing that must be waited for and a reused process id means nothing. It also holds between
 * containers that share a volume on one host.
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  const take =
    process.platform === 'win32' ? await createPipeLock(directory) : await createSocketLock(directory)
  // Those that start at the same moment step back before each other, and come again at different moments.
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
 * Each process listens under a name of its own, and has the directory if no other socket in it is alive. Whoever looks
 * has appeared before, so of two at once at least one sees the other. A dead socket is dead for ever: its name is never
 * used again, and it got the name only when it listened.
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

/** The limit of a socket's address is 103 bytes on macOS; Linux allows four more. */
async function shortPath(directory: string): Promise<string> {
  const absolute = await realpath(directory)
  const fromHere = relative('', absolute) || '.'
  const path = fromHere.length < absolute.length ? fromHere : absolute
  if (Buffer.byteLength(join(path, 'lock-12345678.new')) > 103) {
    throw new Error(`AUTH_DATA_DIR is too long a path: ${directory}`)
  }
  return path
}

/** The names of the sockets that somebody listens on; those of the dead are removed. */
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

/** Only a refusal tells of a death: a socket that is busy, or that we may not use, has a process. */
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

/** Windows takes a pipe's name away with its process, and never gives it to two. */
async function createPipeLock(directory: string): Promise<Take> {
  const name = createHash('sha256')
    .update(await realpath(directory))
    .digest('hex')
  return async () => {
    const server = await listen(`\\\\.\\pipe\\claimgate-${name}`)
    return server && (() => close(server))
  }
}

/** A server that listens there; null when another one does. */
function listen(path: string): Promise<Server | null> {
  const server = createServer((socket) => socket.destroy()).unref()
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(null)
      else reject(new Error(`Cannot lock the data directory: ${error.message}`, { cause: error }))
    })
    server.listen(path, () => resolve(server.removeAllListeners('error')))
  })
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}
