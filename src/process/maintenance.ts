import type { Logger } from 'pino'
import type { Database } from '../database/database.ts'
import type { Dependencies } from '../dependencies.ts'
import type { Keyring } from '../tokens/keyring.ts'

// In milliseconds.
const sweepInterval = 3_600_000
const keyInterval = 2_000

/**
 * Starts periodic maintenance: deletes expired rows, first after `firstSweep` milliseconds, and publishes, rotates and
 * retires keys. Returns the function that stops it.
 */
export function startMaintenance(
  {
    config,
    sweep,
    log,
    announce,
    clock,
  }: Pick<Dependencies, 'config' | 'sweep' | 'log' | 'announce' | 'clock'>,
  database: Database,
  keys: Keyring,
  firstSweep: number,
): () => Promise<void> {
  // Prisma compiles its query engine on first use, which would delay the first sign-up.
  database.prisma.$connect().catch((error: unknown) => log.warn({ err: error }, 'database unreachable'))
  const jobs = [
    scheduleRepeating(
      sweepInterval,
      'delete expired rows',
      log,
      async (signal) => void (await sweep(clock(), signal)),
      firstSweep,
    ),
    // Often enough that a new key is published everywhere long before anybody signs with it.
    scheduleRepeating(
      Math.min(keyInterval, config.jwksMaxAge * 1000),
      'update the signing keys',
      log,
      async () => {
        for (const done of await keys.update(clock())) announce(log, 'key.rotated', done)
      },
    ),
  ]
  return async () => void (await Promise.all(jobs.map((stop) => stop())))
}

/**
 * Runs `work` after `first` milliseconds, then repeatedly, `interval` milliseconds after each end. A failure is logged
 * and does not stop the repetition. Returns the function that stops it: it aborts the signal of `work`, and waits for a
 * running `work`.
 */
export function scheduleRepeating(
  interval: number,
  name: string,
  log: Logger,
  work: (signal: AbortSignal) => Promise<void>,
  first = interval,
): () => Promise<void> {
  const stopping = new AbortController()
  const { signal } = stopping
  let timer: NodeJS.Timeout
  let running = Promise.resolve()
  const turn = () => {
    running = work(signal).catch((error: unknown) => log.warn({ err: error }, `failed to ${name}`))
    running.then(() => schedule(interval))
  }
  const schedule = (delay: number) => {
    if (!signal.aborted) timer = setTimeout(turn, delay).unref()
  }
  schedule(first)
  return () => {
    stopping.abort()
    clearTimeout(timer)
    return running
  }
}
