import { createInterface } from 'node:readline'
import { lockDirectory } from '../../src/database/directory-lock.ts'

// A process that reads lines `<directory> <times>`. For each line it unlocks, tries `times` times at once to lock the
// directory, and prints the number of successes.
const releases: (() => Promise<void>)[] = []
for await (const line of createInterface({ input: process.stdin })) {
  await Promise.all(releases.splice(0).map((release) => release()))
  const [directory = '', times] = line.split(' ')
  const attempts = Array.from({ length: Number(times) }, () => lockDirectory(directory))
  for (const attempt of await Promise.allSettled(attempts)) {
    if (attempt.status === 'fulfilled') releases.push(attempt.value.unlock)
  }
  console.log(releases.length)
}
