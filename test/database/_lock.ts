import { createInterface } from 'node:readline'
import { lockDirectory } from '../../src/database/directory-lock.ts'

// A process that answers each line `<directory> <times>`: it gives back what it holds, tries that often at once to lock
// the directory, and prints how often it could.
const releases: (() => Promise<void>)[] = []
for await (const line of createInterface({ input: process.stdin })) {
  await Promise.all(releases.splice(0).map((release) => release()))
  const [directory = '', times] = line.split(' ')
  const attempts = Array.from({ length: Number(times) }, () => lockDirectory(directory))
  for (const attempt of await Promise.allSettled(attempts)) {
    if (attempt.status === 'fulfilled') releases.push(attempt.value)
  }
  console.log(releases.length)
}
