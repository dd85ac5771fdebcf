import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, constants, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { delimiter, join } from 'node:path'
import { makeDirectory } from '../_directory.ts'
import { findFreePort } from '../_postgres.ts'
import type { ExecutionContext } from '../_test.ts'
import { until } from '../_until.ts'

/** A running PgBouncer, which ends with its test. */
export type Pooler = {
  /** The URL of the same database through the pooler. */
  url: string
  /** The log of the pooler until now. */
  log(): string
  /** Ends the process at once, as a crash does, and starts it again on the same port. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** The path of PgBouncer's program; null where it is not installed. */
export const pgbouncer = await findProgram()

async function findProgram(): Promise<string | null> {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  for (const folder of folders.filter(Boolean)) {
    const path = join(folder, 'pgbouncer')
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (isThere) return path
  }
  return null
}

/** Starts PgBouncer with its defaults in front of the server of `url`; `settings` are added to its file. */
export async function startPgbouncer(
  t: ExecutionContext,
  url: string,
  settings: Record<string, string>,
): Promise<Pooler> {
  const folder = await makeDirectory()
  const server = new URL(url)
  const port = await findFreePort()
  const file = join(folder, 'pgbouncer.ini')
  const users = join(folder, 'users.txt')
  // PgBouncer does not run as root. It reads its files before it changes the user.
  const user = process.getuid?.() === 0 ? { user: 'nobody' } : {}
  const all = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    auth_type: 'md5',
    auth_file: users,
    ...user,
    ...settings,
  }
  const lines = Object.entries({ unix_socket_dir: '', ...all }).map(([name, value]) => `${name} = ${value}`)
  const database = `* = host=${server.hostname} port=${server.port || 5432}`
  await writeFile(file, `[databases]\n${database}\n[pgbouncer]\n${lines.join('\n')}\n`)
  const [name, password] = [server.username, server.password].map(decodeURIComponent)
  await writeFile(users, `"${name}" "${password}"\n`)
  let log = ''
  let child: ChildProcess | undefined
  const start = async () => {
    const started = spawn(pgbouncer as string, [file], { stdio: ['ignore', 'ignore', 'pipe'] })
    child = started
    started.stderr?.on('data', (chunk) => {
      log += chunk
    })
    await until(async () => {
      if (started.exitCode !== null) throw new Error(`PgBouncer ended:\n${log}`)
      return canConnect(port)
    })
  }
  const stop = async () => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
  await start()
  t.teardown(async () => {
    await stop()
    await rm(folder, { recursive: true, force: true })
  })
  const through = new URL(url)
  through.host = `127.0.0.1:${port}`
  return {
    url: through.href,
    log: () => log,
    stop,
    restart: async () => {
      await stop()
      await start()
    },
  }
}

async function canConnect(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
  }).finally(() => socket.destroy()) as Promise<boolean>
}
