import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { program } from '../root.ts'
import type { Argon2Cost } from './password-hash-format.ts'

/** The computation of a new hash, or the comparison of a password with a hash. */
export type HashTask = { password: string } & (
  | { kind: 'new bcrypt'; cost: number }
  | { kind: 'new argon2id'; cost: Argon2Cost & { parallelism: number } }
  | { kind: 'verify'; hash: string }
)

/** A new hash, or the outcome of a comparison: null for a hash that cannot be read. */
export type HashResult = string | boolean | null

export type HashThreads = ReturnType<typeof createHashThreads>

type HashThreadsSettings = {
  /** The maximum of threads. Callers keep to it. More threads than cores delay each other. */
  size: number
  /** The time after which a free thread ends, in seconds. */
  idle?: number
}

type FreeThread = { thread: Worker; timer: NodeJS.Timeout }

/**
 * Creates threads that compute hashes with a lower priority than the rest of the process (hash-thread.ts), so requests
 * without a hash do not wait for hashes. libuv's own threads keep their priority: RSA work and files need them. Each task
 * takes a free thread, or starts one, which takes a tenth of a second and 9 MiB. A thread ends after `idle` seconds
 * without a task. A free thread does not keep the process running.
 */
export function createHashThreads({ size, idle = 60 }: HashThreadsSettings) {
  const free: FreeThread[] = []

  function start(): Worker {
    // The thread needs no secret of the environment, and no module that the process has preloaded.
    return new Worker(new URL('src/authentication/hash-thread.js', program), { env: {}, execArgv: [] })
  }

  /** Takes the thread that became free last, so that the others end when few are needed. */
  function take(): Worker {
    const last = free.pop()
    if (last === undefined) return start()
    clearTimeout(last.timer)
    last.thread.ref()
    return last.thread
  }

  function release(thread: Worker): void {
    thread.unref()
    const timer = setTimeout(() => {
      free.splice(
        free.findIndex((each) => each.thread === thread),
        1,
      )
      void thread.terminate()
    }, idle * 1000)
    free.push({ thread, timer: timer.unref() })
  }

  return {
    size,
    /** Computes a task. Throws the error that ends the thread. */
    compute: async (task: HashTask): Promise<HashResult> => {
      const thread = take()
      thread.postMessage(task)
      const [result] = await once(thread, 'message')
      release(thread)
      return result
    },
  }
}

// Each hash has a thread of 9 MiB, and a small container may see all cores of a large machine.
const mostAtOnce = 4

/** Returns the number of hashes that each of several workers computes at once: its share of the cores, from 1 to 4. */
export function shareOfCores(cores: number, workers: number): number {
  return Math.min(mostAtOnce, Math.max(1, Math.floor(cores / workers)))
}
