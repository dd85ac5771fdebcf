import { platform, setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import { hashSync as argon2Hash } from '@node-rs/argon2'
import bcrypt from 'bcrypt'
import type { HashResult, HashTask } from './hash-threads.ts'
import { readHash } from './password-hash-format.ts'
import { verifyHash } from './verify-hash.ts'

// The program of a thread that computes hashes, one after the other.

// The package's enum of the algorithms has no value at run time.
const argon2id = 2

function compute(task: HashTask): HashResult {
  const { password } = task
  switch (task.kind) {
    case 'new bcrypt':
      return bcrypt.hashSync(password, task.cost)
    case 'new argon2id':
      return argon2Hash(password, { ...task.cost, algorithm: argon2id })
    case 'verify':
      return verify(password, task.hash)
  }
}

function verify(password: string, hash: string): boolean | null {
  const stored = readHash(hash)
  try {
    return stored && verifyHash(password, stored)
  } catch {
    // The algorithm does not take the parameters.
    return null
  }
}

/** Lowers the priority of this thread. Linux has one for each thread; on other systems the whole process would get it. */
function lowerPriority(): void {
  if (platform() !== 'linux') return
  try {
    // With 10, a hash gets a tenth of a core that another thread wants, and all of a free core.
    setPriority(10)
  } catch {
    // A sandbox may forbid the call. Hashes then delay other requests.
  }
}

lowerPriority()
parentPort?.on('message', (task: HashTask) => parentPort?.postMessage(compute(task)))
