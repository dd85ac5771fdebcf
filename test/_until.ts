import { setTimeout as sleep } from 'node:timers/promises'

/** Waits until something is so, and throws when it is not after `limit` milliseconds. */
export async function until(isSo: () => boolean | Promise<boolean>, limit = 20_000): Promise<void> {
  const end = performance.now() + limit
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error('it never came to that')
    await sleep(10)
  }
}
