import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connectHolder, type LockOptions, lockDirectory } from '../../src/database/directory-lock.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { createFolder } from './_databases.ts'

const script = fileURLToPath(new URL('_lock.js', import.meta.url))
const refusal = { message: /^Another process is using the data directory .* AUTH_DATA_DIR .* DATABASE_URL/ }

test('a locked directory is rejected until it is unlocked, and no file of the lock remains', async (t) => {
  const folder = await createFolder(t)
  const { unlock } = await lockDirectory(folder)
  await t.throwsAsync(lockDirectory(folder), refusal)
  await unlock()
  t.deepEqual(await readdir(folder), [])
  const again = await lockDirectory(folder)
  await again.unlock()
})

test('a directory that another process has locked is rejected while that process lives, even if it is suspended', async (t) => {
  const folder = await createFolder(t)
  const holder = startLocker(t)
  t.is(await attempt(holder, folder, 1), 1)
  await t.throwsAsync(lockDirectory(folder), refusal)
  holder.kill('SIGSTOP')
  await t.throwsAsync(lockDirectory(folder), refusal)
})

test('the lock of a killed process is taken over, and no file of it remains', async (t) => {
  const folder = await createFolder(t)
  const holder = startLocker(t)
  await attempt(holder, folder, 1)
  const ended = once(holder, 'close')
  holder.kill('SIGKILL')
  await ended
  t.is((await readdir(folder)).length, 1)
  const { unlock } = await lockDirectory(folder)
  t.is((await readdir(folder)).length, 1)
  await unlock()
  t.deepEqual(await readdir(folder), [])
})

test('of twelve concurrent attempts in four processes one gets the lock, also when a dead process left its lock', async (t) => {
  const parent = await createFolder(t)
  const lockers = Array.from({ length: 4 }, () => startLocker(t))
  for (let round = 0; round < 8; round++) {
    const folder = await mkdtemp(join(parent, 'data-'))
    if (round % 2 === 0) await leaveDeadSocket(folder)
    const held = await Promise.all(lockers.map((locker) => attempt(locker, folder, 3)))
    t.deepEqual(held.sort(), [0, 0, 0, 1], `round ${round}`)
  }
})

test('only its user can connect to the lock', async (t) => {
  const folder = await createFolder(t)
  const { unlock } = await lockDirectory(folder)
  const [name = ''] = await readdir(folder)
  t.is((await stat(join(folder, name))).mode & 0o777, 0o600)
  await unlock()
})

test('another process connects to the holder of the lock, and is served when the holder is ready', async (t) => {
  const folder = await createFolder(t)
  t.is(await connectHolder(folder), null)
  const lock = await lockDirectory(folder)
  const early = (await connectHolder(folder)) as Socket
  lock.serve((socket) => void socket.write('ready'))
  const late = (await connectHolder(folder)) as Socket
  for (const socket of [early, late]) t.is(String((await once(socket, 'data'))[0]), 'ready')
  const ended = Promise.all([early, late].map((socket) => once(socket, 'close')))
  await lock.unlock()
  await ended
  t.is(await connectHolder(folder), null)
})

const onLinux = process.platform === 'linux' ? test : test.skip

onLinux('a path that is longer than the address of a socket can be locked', async (t) => {
  const folder = join(await createFolder(t), 'a'.repeat(200))
  await mkdir(folder)
  const lock = await lockDirectory(folder)
  await t.throwsAsync(lockDirectory(folder), refusal)
  lock.serve((socket) => void socket.end('ready'))
  const socket = (await connectHolder(folder)) as Socket
  t.is(String((await once(socket, 'data'))[0]), 'ready')
  await lock.unlock()
  t.deepEqual(await readdir(folder), [])
})

test('without sockets on its file system, a directory is locked in a private folder for temporary files', async (t) => {
  const folder = await createFolder(t)
  const listen = refuseIn(folder)
  const lock = await lockDirectory(folder, { listen })
  const elsewhere = lock.elsewhere ?? ''
  t.teardown(() => rm(elsewhere, { recursive: true, force: true }))
  t.is((await stat(elsewhere)).mode & 0o777, 0o700)
  t.deepEqual(await readdir(folder), [])
  await t.throwsAsync(lockDirectory(folder, { listen, attempts: 2 }), refusal)
  lock.serve((socket) => void socket.end('ready'))
  t.is(String((await once((await connectHolder(folder)) as Socket, 'data'))[0]), 'ready')
  await lock.unlock()

  await chmod(elsewhere, 0o755)
  const message = /^The folder .* is not private to this user\. Remove it, or set TMPDIR/
  await t.throwsAsync(lockDirectory(folder, { listen }), { message })
  t.is(await connectHolder(folder), null)
})

/** Returns a function that listens as on a file system without sockets in `folder`. */
function refuseIn(folder: string): NonNullable<LockOptions['listen']> {
  return async (path) => {
    if (resolve(path).startsWith(folder))
      throw new Error('no sockets', { cause: Object.assign(new Error(), { code: 'EPERM' }) })
    const server = createServer().listen(path)
    await once(server, 'listening')
    return server
  }
}

function startLocker(t: ExecutionContext): ChildProcess {
  const child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  return child
}

/** Returns the number of successful locks of `times` concurrent attempts; the process first unlocks. */
async function attempt({ stdin, stdout }: ChildProcess, folder: string, times: number): Promise<number> {
  if (!stdin || !stdout) throw new Error('the process has no pipes')
  stdin.write(`${folder} ${times}\n`)
  const [answer] = await once(stdout, 'data')
  return Number(String(answer))
}

/** Leaves the lock of a process that was killed while it held the directory. */
async function leaveDeadSocket(folder: string): Promise<void> {
  const server = createServer().listen(join(folder, 'bound'))
  await once(server, 'listening')
  await rename(join(folder, 'bound'), join(folder, 'lock-00000000'))
  server.close()
}
