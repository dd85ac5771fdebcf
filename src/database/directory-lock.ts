import { createHash, randomUUID } from 'node:crypto'
import { link, realpath, rename, rm } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { join, relative } from 'node:path'

/**
 * Takes a directory for this process alone and returns what gives it back. Throws when another living process has it.
 *
 * The lock is a listening socket in the directory: the kernel closes it when its process dies, however it dies, so a
 * `kill -9` leaves nothing that must be waited for and a reused process id means nothing. It also holds between
 * containers that share a volume on one host.
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  const path = await lockPath(directory)
  const server = createServer((socket) => socket.destroy())
  server.unref()
  for (let attempt = 0; attempt < 20; attempt++) {
    if (await listens(server, path)) return () => close(server)
    if (await isAlive(path)) break
    await removeStale(path)
  }
  throw new Error(
    `Another process is using the data directory ${directory}. Stop it, or set AUTH_DATA_DIR to another directory, or DATABASE_URL to a PostgreSQL server that several processes can share.`,
  )
}

async function lockPath(directory: string): Promise<string> {
  if (process.platform === 'win32') {
    const name = createHash('sha256')
      .update(await realpath(directory))
      .digest('hex')
    return `\\\\.\\pipe\\claimgate-${name}`
  }
  const absolute = join(await realpath(directory), 'lock')
  const shorter = relative('', absolute)
  const path = shorter.length < absolute.length ? shorter : absolute
  // The limit of a socket's address on macOS; Linux allows four more.
  if (Buffer.byteLength(path) > 103) throw new Error(`AUTH_DATA_DIR is too long a path: ${directory}`)
  return path
}

function listens(server: Server, path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false)
      else reject(new Error(`Cannot lock the data directory: ${error.message}`, { cause: error }))
    })
    server.listen(path, () => {
      server.removeAllListeners('error')
      resolve(true)
    })
  })
}

function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** Moves a dead socket aside before deleting it: if another starter has replaced it meanwhile, it is put back. */
async function removeStale(path: string): Promise<void> {
  const aside = `${path}.${randomUUID().slice(0, 8)}`
  try {
    await rename(path, aside)
  } catch {
    return
  }
  if (await isAlive(aside)) await link(aside, path).catch(() => {})
  await rm(aside, { force: true })
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}
