import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rename } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { lockDirectory } from '../../src/database/directory-lock.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { createFolder } from './_databases.ts'

const script = fileURLToPath(new URL('_lock.js', import.meta.url))
const refusal = { message: /^Another process is using the data directory .* AUTH_DATA_DIR .* DATABASE_URL/ }

test('a locked directory is rejected until it is unlocked, and no file of the lock remains', async (t) => {
  const folder = await createFolder(t)
  const release = await lockDirectory(folder)
  await t.throwsAsync(lockDirectory(folder), refusal)
  await release()
  t.deepEqual(await readdir(folder), [])
  const again = await lockDirectory(folder)
  await again()
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
  const release = await lockDirectory(folder)
  t.is((await readdir(folder)).length, 1)
  await release()
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

test('a path that is too long for a lock is rejected with the name of the variable', async (t) => {
  const folder = join(await createFolder(t), 'a'.repeat(90))
  await mkdir(folder)
  await t.throwsAsync(lockDirectory(folder), { message: /^The path of AUTH_DATA_DIR is too long: / })
})

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
