import type { Logger } from 'pino'
import type { Database } from '../database/database.ts'
import type { Dependencies } from '../dependencies.ts'
import { sweepLimits } from '../limits/counters.ts'
import type { Keyring } from '../tokens/keyring.ts'

// In milliseconds.
const sweepInterval = 3_600_000
const keyInterval = 2_000

/**
 * Does what has to be done from time to time: removes what has expired, first after `firstSweep` milliseconds, publishes,
 * rotates and retires keys. Returns what ends it.
 */
export function startMaintenance(
  {
    config,
    oneTimeCodes,
    log,
    announce,
    clock,
  }: Pick<Dependencies, 'config' | 'oneTimeCodes' | 'log' | 'announce' | 'clock'>,
  database: Database,
  keys: Keyring,
  firstSweep: number,
): () => Promise<void> {
  // Prisma compiles its query engine on first use; better now than in somebody's sign-up.
  database.prisma.$connect().catch((error: unknown) => log.warn({ err: error }, 'the database is away'))
  const jobs = [
    scheduleRepeating(
      sweepInterval,
      'sweep',
      log,
      async () => void (await oneTimeCodes.sweep(clock())),
      firstSweep,
    ),
    scheduleRepeating(
      sweepInterval,
      'sweep the limits',
      log,
      async () => void (await sweepLimits(database, new Date())),
      firstSweep,
    ),
    // Often enough that a new key is published everywhere long before anybody signs with it.
    scheduleRepeating(Math.min(keyInterval, config.jwksMaxAge * 1000), 'update the keys', log, async () => {
      for (const done of await keys.update(clock())) announce(log, 'key.rotated', done)
    }),
  ]
  return async () => void (await Promise.all(jobs.map((stop) => stop())))
}

/**
 * Does `work` after `first` milliseconds, then again and again, `interval` milliseconds after it last ended; a failure is
 * logged and the next turn comes all the same. Returns what ends it, when no turn is running any more.
 */
export function scheduleRepeating(
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
