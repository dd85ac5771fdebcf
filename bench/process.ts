import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** A program of the benchmark, its port, and its start time by `performance.now()`. */
export type Started = { child: ChildProcess; port: string; beganAt: number }

/** Returns the absolute path of a path relative to this folder. */
export const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** Starts a program in a folder and waits until `pattern` shows its port. */
export function start(
  folder: string,
  args: string[],
  env: Record<string, string>,
  pattern: RegExp,
): Promise<Started> {
  const beganAt = performance.now()
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return new Promise((resolve, reject) => {
    let output = ''
    const listen = (chunk: Buffer) => {
      output += chunk
      const port = pattern.exec(output)?.[1]
      if (port === undefined) return
      // The log of each request is not read, because reading takes time of the measured cores.
      child.stdout.off('data', listen).resume()
      resolve({ child, port, beganAt })
    }
    child.stdout.on('data', listen)
    child.once('exit', (code) => reject(new Error(`${args[0]} ended with ${code}: ${output}`)))
  })
}

/** Starts a gateway with an environment. */
export function startGateway(folder: string, env: Record<string, string>): Promise<Started> {
  return start(folder, [here('../src/main.js')], env, /listens on [^ ]+:(\d+) /)
}

/** Starts the limit of each case (limit.ts). */
export function startLimit(folder: string, databaseUrl: string, keyPath: string): Promise<Started> {
  return start(folder, [here('limit.js'), databaseUrl, keyPath], {}, /^(\d+)/)
}

/** Stops a program, if it still runs. */
export function stop({ child }: Started): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    child.once('exit', () => resolve())
    child.kill('SIGTERM')
  })
}

/** Returns the CPU time of a program in milliseconds, user and system. */
export function cpuMs({ child }: Pick<Started, 'child'>): number {
  const [own] = cpuTimes(child.pid ?? 0)
  return own
}

/** Returns the CPU time of a process in milliseconds, and the CPU time of its children that have ended. */
export function cpuTimes(pid: number): [own: number, ended: number] {
  const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')
  const [user = 0, system = 0, endedUser = 0, endedSystem = 0] = fields.split(' ').slice(11, 15).map(Number)
  return [(user + system) * 10, (endedUser + endedSystem) * 10]
}

export function residentMiB({ child }: Started): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
}
