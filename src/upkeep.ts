import type { Database } from './database/database.ts'
import { sweepLimits } from './database/limiters.ts'
import type { Deps } from './deps.ts'
import { every } from './jobs.ts'
import type { Keyring } from './tokens/signing-keys.ts'

// In milliseconds.
const sweepInterval = 3_600_000
const keyInterval = 2_000

/**
 * Does what has to be done from time to time: removes what has expired, first after `firstSweep` milliseconds, publishes,
 * rotates and retires keys. Returns what ends it.
 */
export function startUpkeep(
  { config, oneTime, log, announce, clock }: Pick<Deps, 'config' | 'oneTime' | 'log' | 'announce' | 'clock'>,
  database: Database,
  keys: Keyring,
  firstSweep: number,
): () => Promise<void> {
  // Prisma compiles its query engine on first use; better now than in somebody's sign-up.
  database.prisma.$connect().catch((error: unknown) => log.warn({ err: error }, 'the database is away'))
  const jobs = [
    every(sweepInterval, 'sweep', log, async () => void (await oneTime.sweep(clock())), firstSweep),
    every(
      sweepInterval,
      'sweep the limits',
      log,
      async () => void (await sweepLimits(database, new Date())),
      firstSweep,
    ),
    // Often enough that a new key is published everywhere long before anybody signs with it.
    every(Math.min(keyInterval, config.jwksMaxAge * 1000), 'update the keys', log, async () => {
      for (const done of await keys.update(clock())) announce(log, 'key.rotated', done)
    }),
  ]
  return async () => void (await Promise.all(jobs.map((stop) => stop())))
}
