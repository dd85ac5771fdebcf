import { randomUUID } from 'node:crypto'
import { availableParallelism } from 'node:os'
import type { Logger } from 'pino'
import { createApp } from './app.ts'
import { createBreachCheck } from './authentication/breached-passwords.ts'
import { createPasswordHashes } from './authentication/password-hash.ts'
import { loadPasswordPolicy } from './authentication/password-policy.ts'
import type { Provider } from './authentication/provider.ts'
import type { Config } from './config.ts'
import type { Clock } from './context.ts'
import type { Database } from './database/database.ts'
import { createIdentities } from './database/identities.ts'
import { createMemoryLimiter, createServerLimiters, sweepLimits } from './database/limiters.ts'
import { createOneTime } from './database/one-time.ts'
import { createSessions } from './database/sessions.ts'
import { createUsers } from './database/users.ts'
import { openDeployment, prepareKey } from './deployment.ts'
import { listen } from './http/server.ts'
import { createLimits } from './limits/limits.ts'
import { type Keyring, loadKeyring } from './tokens/signing-keys.ts'

export type GatewayOptions = {
  config: Config
  providers: readonly Provider[]
  /** The folder of package.json. */
  root: URL
  log: Logger
  clock?: Clock
  fetch?: typeof globalThis.fetch
}

/** A gateway that listens. */
export type Gateway = {
  port: number
  keys: Keyring
  database: Database
  /** Stops accepting, lets running requests finish within the shutdown grace, and closes the database. */
  close(): Promise<void>
}

// In milliseconds.
const sweepInterval = 3_600_000
const keyInterval = 2_000

/** Opens and migrates the database, loads or makes the keys, and listens. Whatever fails leaves nothing open. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { config, providers, root, log, clock = () => new Date(), fetch = globalThis.fetch } = options
  const { database, keySettings, derive, close } = await openDeployment(config, root, log, prepareKey(config))
  try {
    const keys = await loadKeyring(keySettings, clock())
    const oneTime = createOneTime(database)
    let isClosing = false
    const app = createApp({
      config,
      providers,
      keys,
      secrets: { cookie: derive('cookie'), refreshToken: derive('refresh-token') },
      users: createUsers(database),
      identities: createIdentities(database),
      sessions: createSessions(database, config.sessionLifetimes),
      oneTime,
      hashes: createPasswordHashes({
        ...config,
        concurrency: availableParallelism(),
        queue: config.hashQueue,
        wait: config.hashWait,
      }),
      requirePassword: await loadPasswordPolicy({
        ...config,
        isBreached: createBreachCheck(config, fetch, log),
      }),
      limits: config.rateLimit
        ? createLimits(
            config.databaseUrl === undefined ? createMemoryLimiter : createServerLimiters(database),
            config.limits,
            derive('rate-limit')[0],
          )
        : null,
      isReady: async () =>
        !isClosing && (await database.query({ name: 'ping', text: 'SELECT 1' }, [])).length === 1,
      log,
      clock,
      createId: randomUUID,
      fetch,
    })
    const server = await listen(app.callback(), config.port, config.host)
    // Prisma compiles its query engine on first use; better now than in somebody's sign-up.
    database.prisma.$connect().catch((error: unknown) => log.warn({ err: error }, 'the database is away'))
    const stopSweep = every(sweepInterval, 'sweep', log, async () => {
      await oneTime.sweep(clock())
      await sweepLimits(database, new Date())
    })
    // Often enough that a new key is published everywhere long before anybody signs with it.
    const stopKeys = every(
      Math.min(keyInterval, config.jwksMaxAge * 1000),
      'update the keys',
      log,
      async () => {
        for (const done of await keys.update(clock()))
          log.info({ event: 'key.rotated', ...done }, 'key rotated')
      },
    )
    return {
      port: server.port,
      keys,
      database,
      close: async () => {
        isClosing = true
        await server.close(config.shutdownGrace)
        await Promise.all([stopSweep(), stopKeys()])
        await close()
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}

/**
 * Does `work` again and again, `interval` milliseconds after it last ended; a failure is logged and the next turn comes
 * all the same. Returns what ends it, when no turn is running any more.
 */
function every(interval: number, name: string, log: Logger, work: () => Promise<void>): () => Promise<void> {
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
