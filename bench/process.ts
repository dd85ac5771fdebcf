import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** A program of the benchmark, its port, and its start time by `performance.now()`. */
export type Started = { child: ChildProcess; port: string; beganAt: number }

/** Returns the absolute path of a path relative to this folder. */
export const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/**
 * Starts a program in a folder and waits until `pattern` shows its port. Its output goes to a file, because reading a
 * pipe takes time of the measured cores for each line.
 */
export async function start(
  folder: string,
  args: string[],
  env: Record<string, string>,
  pattern: RegExp,
): Promise<Started> {
  const path = join(mkdtempSync(join(folder, 'output-')), 'log')
  const output = openSync(path, 'w')
  const beganAt = performance.now()
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', output, 'inherit'],
  })
  closeSync(output)
  for (;;) {
    const text = readFileSync(path, 'utf8')
    const port = pattern.exec(text)?.[1]
    if (port !== undefined) return { child, port, beganAt }
    const end = child.exitCode ?? child.signalCode
    if (end !== null) throw new Error(`${args[0]} ended with ${end}: ${text}`)
    await sleep(10)
  }
}

/** Starts a gateway of this build, or another program `main`, with an environment. */
export function startGateway(
  folder: string,
  env: Record<string, string>,
  main = here('../src/main.js'),
): Promise<Started> {
  return start(folder, [main], env, /listens on [^ ]+:(\d+) /)
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

/** Returns the CPU time of a program and of its running workers in milliseconds, user and system. */
export function cpuMs({ child: { pid = 0 } }: Pick<Started, 'child'>): number {
  return [pid, ...childrenOf(pid)].reduce((sum, each) => sum + cpuTimes(each)[0], 0)
}

/** Returns the ids of the running children of a process. */
export function childrenOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return children.split(' ').filter(Boolean).map(Number)
}

/** Returns the CPU time of a process in milliseconds, and the CPU time of its children that have ended. */
export function cpuTimes(pid: number): [own: number, ended: number] {
  const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')
  const [user = 0, system = 0, endedUser = 0, endedSystem = 0] = fields.split(' ').slice(11, 15).map(Number)
  return [(user + system) * 10, (endedUser + endedSystem) * 10]
}

/** Returns the resident memory of a program; `Pss` counts a page that several processes share in parts. */
export function residentMiB({ child }: Started, kind: 'Rss' | 'Pss' = 'Rss'): number {
  const memory = readFileSync(`/proc/${child.pid}/smaps_rollup`, 'utf8')
  return Number(new RegExp(`${kind}:\\s+(\\d+)`).exec(memory)?.[1] ?? 0) / 1024
}
