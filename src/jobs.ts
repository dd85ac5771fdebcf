import type { Logger } from 'pino'

/**
 * Does `work` again and again, `interval` milliseconds after it last ended; a failure is logged and the next turn comes
 * all the same. Returns what ends it, when no turn is running any more.
 */
export function every(
  interval: number,
  name: string,
  log: Logger,
  work: () => Promise<void>,
): () => Promise<void> {
  let timer: NodeJS.Timeout
  let running = Promise.resolve()
  const turn = () => {
    running = work().catch((error: unknown) => log.warn({ err: error }, `could not ${name}`))
    running.then(schedule)
  }
  let isStopped = false
  const schedule = () => {
    if (!isStopped) timer = setTimeout(turn, interval).unref()
  }
  schedule()
  return () => {
    isStopped = true
    clearTimeout(timer)
    return running
  }
}
