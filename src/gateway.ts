import { randomUUID } from 'node:crypto'
import { availableParallelism } from 'node:os'
import type { Logger } from 'pino'
import { createApp } from './app.ts'
import { createPasswordHashes } from './authentication/password-hash.ts'
import type { Provider } from './authentication/provider.ts'
import type { Config } from './config.ts'
import type { Clock } from './context.ts'
import { createDatabase, type Database } from './database/database.ts'
import { createIdentities } from './database/identities.ts'
import { createOneTime } from './database/one-time.ts'
import { openDatabase } from './database/open.ts'
import { createSessions } from './database/sessions.ts'
import { createSigningKeyStore } from './database/signing-keys.ts'
import { createUsers } from './database/users.ts'
import { listen } from './http/server.ts'
import type { KeyPair } from './tokens/key-pair.ts'
import { loadOrCreateSecret } from './tokens/secret-file.ts'
import { deriveKey } from './tokens/secrets.ts'
import {
  createSigningKeys,
  generateSigningKey,
  loadSigningKeys,
  type SigningKeys,
} from './tokens/signing-keys.ts'

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
  keys: SigningKeys
  database: Database
  /** Stops accepting, lets running requests finish within the shutdown grace, and closes the database. */
  close(): Promise<void>
}

const sweepInterval = 3_600_000

/** Opens and migrates the database, loads or makes the keys, and listens. Whatever fails leaves nothing open. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { config, providers, root, log, clock = () => new Date(), fetch = globalThis.fetch } = options
  const generateKey = prepareKey(config)
  const database = createDatabase(await openDatabase(config, root, log))
  try {
    const secret = config.secret ?? (await loadOrCreateSecret(config.dataDir))
    const encryptionKey = deriveKey(secret, 'key-encryption')
    const keys = config.keyPair
      ? createSigningKeys(config.keyPair)
      : await loadSigningKeys(createSigningKeyStore(database), encryptionKey, generateKey, clock())
    const oneTime = createOneTime(database)
    let isClosing = false
    const app = createApp({
      config,
      providers,
      keys,
      secrets: { cookie: deriveKey(secret, 'cookie'), refreshToken: deriveKey(secret, 'refresh-token') },
      users: createUsers(database),
      identities: createIdentities(database),
      sessions: createSessions(database, config.sessionLifetimes),
      oneTime,
      hashes: createPasswordHashes({ ...config, concurrency: availableParallelism(), queue: 500 }),
      isReady: async () =>
        !isClosing && (await database.query({ name: 'ping', text: 'SELECT 1' }, [])).length === 1,
      log,
      clock,
      createId: randomUUID,
      fetch,
    })
    const server = await listen(app.callback(), config.port, config.host)
    const sweep = () => oneTime.sweep(clock()).catch((error) => log.warn({ err: error }, 'could not sweep'))
    // Prisma compiles its query engine on first use; better now than in somebody's sign-up.
    database.prisma.$connect().catch((error: unknown) => log.warn({ err: error }, 'the database is away'))
    const timer = setInterval(sweep, sweepInterval).unref()
    return {
      port: server.port,
      keys,
      database,
      close: async () => {
        isClosing = true
        clearInterval(timer)
        await server.close(config.shutdownGrace)
        await database.close()
      },
    }
  } catch (error) {
    await database.close()
    throw error
  }
}

/** The embedded database takes a second to open, in which another core can make the key that its first start needs. */
function prepareKey({ databaseUrl, keyPair, keyBits }: Config): () => Promise<KeyPair> {
  const generate = () => generateSigningKey(Number(keyBits))
  if (databaseUrl !== undefined || keyPair) return generate
  const prepared = generate()
  return () => prepared
}
