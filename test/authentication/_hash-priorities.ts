import { readdirSync, readFileSync } from 'node:fs'
import { getPriority } from 'node:os'
import { createHashThreads } from '../../src/authentication/hash-threads.ts'
import { until } from '../_until.ts'

// A process of its own, because a process of the tests has threads of several tests. Prints the threads that have a
// lower priority than the process: before a hash, during two hashes, after four more, and when they have been idle.
// Also prints whether argon2 was loaded after these bcrypt hashes, and after a hash of argon2.

/** Returns the ids of the threads with a lower priority than the process. */
function findLowered(): string[] {
  return readdirSync('/proc/self/task').filter((id) => {
    try {
      // The fields behind the name, which may have any characters.
      const fields = readFileSync(`/proc/self/task/${id}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
      return Number(fields[16]) > getPriority()
    } catch {
      // The thread has just ended.
      return false
    }
  })
}

const { compute } = createHashThreads({ size: 2, idle: 2 })
// Cost 12 takes a quarter of a second, longer than it takes to read the priorities.
const hash = (cost: number) => compute({ kind: 'new bcrypt', password: 'x', cost })

const before = findLowered()
let isDone = false
const both = Promise.all([hash(12), hash(12)]).finally(() => {
  isDone = true
})
let during: string[] = []
await until(() => {
  during = findLowered()
  return isDone || during.length === 2
})
const wereBusy = !isDone
await both
for (let round = 0; round < 4; round++) await hash(4)
const after = findLowered()
await until(() => findLowered().length === 0)

const hasArgon2 = () => readFileSync('/proc/self/maps', 'utf8').includes('argon2')
const argon2 = [hasArgon2()]
const cost = { memoryCost: 1024, timeCost: 1, parallelism: 1 }
await compute({ kind: 'new argon2id', password: 'x', cost })
argon2.push(hasArgon2())
console.log(JSON.stringify({ before, during, wereBusy, after, argon2 }))
