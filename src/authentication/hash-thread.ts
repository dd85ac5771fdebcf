import { platform, setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import bcrypt from 'bcrypt'
import type { HashResult, HashTask } from './hash-threads.ts'
import { readHash } from './password-hash-format.ts'
import { loadArgon2, verifyHash } from './verify-hash.ts'

// The program of a thread that computes hashes, one after the other.

// The package's enum of the algorithms has no value at run time.
const argon2id = 2

async function compute(task: HashTask): Promise<HashResult> {
  const { password } = task
  switch (task.kind) {
    case 'new bcrypt':
      return bcrypt.hashSync(password, task.cost)
    case 'new argon2id':
      return (await loadArgon2()).hashSync(password, { ...task.cost, algorithm: argon2id })
    case 'verify':
      return await verify(password, task.hash)
  }
}

async function verify(password: string, hash: string): Promise<boolean | null> {
  const stored = readHash(hash)
  if (stored === null) return null
  // Outside of the try: a package that cannot be loaded says nothing about the hash.
  if (stored.algorithm.name === 'argon2') await loadArgon2()
  try {
    return await verifyHash(password, stored)
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
parentPort?.on('message', async (task: HashTask) => parentPort?.postMessage(await compute(task)))
