import { setTimeout as sleep } from 'node:timers/promises'

/** Waits until a condition is true; throws after `limit` milliseconds. */
export async function until(isSo: () => boolean | Promise<boolean>, limit = 20_000): Promise<void> {
  const end = performance.now() + limit
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`the condition was not true within ${limit} ms`)
    await sleep(10)
  }
}
