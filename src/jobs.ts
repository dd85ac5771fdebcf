import type { Logger } from 'pino'

/**
 * Does `work` after `first` milliseconds, then again and again, `interval` milliseconds after it last ended; a failure is
 * logged and the next turn comes all the same. Returns what ends it, when no turn is running any more.
 */
export function every(
  interval: number,
  name: string,
  log: Logger,
  work: () => Promise<void>,
  first = interval,
): () => Promise<void> {
  let timer: NodeJS.Timeout
  let running = Promise.resolve()
  const turn = () => {
    running = work().catch((error: unknown) => log.warn({ err: error }, `could not ${name}`))
    running.then(() => schedule(interval))
  }
  let isStopped = false
  const schedule = (delay: number) => {
    if (!isStopped) timer = setTimeout(turn, delay).unref()
  }
  schedule(first)
  return () => {
    isStopped = true
    clearTimeout(timer)
    return running
  }
}
