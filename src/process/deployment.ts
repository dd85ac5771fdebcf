import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { createDatabaseClock, type DatabaseClock } from '../database/clock.ts'
import { createDatabase, type Database } from '../database/database.ts'
import { coalesceCalls } from '../database/listen-connection.ts'
import { connectDatabase, type ProcessKind } from '../database/open.ts'
import { findPending, updateDatabase } from '../migrations/migrate.ts'
import { requireWritable } from '../migrations/requirements.ts'
import { createSigningKeyStore } from '../stores/signing-keys.ts'
import type { KeyPair } from '../tokens/key-pair.ts'
import { generateSigningKey, type SigningKeySettings } from '../tokens/keyring.ts'
import { deriveKeys, loadOrCreateSecret, type SecretKeys, type SecretLabel } from '../tokens/secrets.ts'

/** A database and its secrets, as the gateway and every command use them. */
export type Deployment = {
  database: Database
  /** The time of every process on the database. */
  databaseClock: DatabaseClock
  keySettings: SigningKeySettings
  derive(label: SecretLabel): SecretKeys
  /** Applies the pending migrations. Throws the errors of `updateDatabase`. */
  migrate(): Promise<void>
  /** Returns true when no migration is pending. Throws when the database cannot be read, or is read-only. */
  isMigrated(): Promise<boolean>
  close(): Promise<void>
}

/** The options of `connectDeployment`. `generate` creates a signing key when one is needed. */
export type DeploymentOptions = { kind?: ProcessKind; generate?: () => Promise<KeyPair> }

/**
 * Connects a deployment without migrations. A database server need not be reachable yet. Throws the errors of
 * `connectDatabase`.
 */
export async function connectDeployment(
  config: Config,
  root: URL,
  log: Logger,
  { kind = 'command', generate = () => generateSigningKey(Number(config.keyBits)) }: DeploymentOptions = {},
): Promise<Deployment> {
  const connection = await connectDatabase(config, root, log, kind)
  const database = createDatabase(connection)
  try {
    const secret = config.secret ?? (await loadOrCreateSecret(config.dataDir))
    const derive = (label: SecretLabel) => deriveKeys(secret, config.previousSecret, label)
    const { keyRotation: rotation, jwksMaxAge, accessTokenLifetime } = config
    return {
      database,
      databaseClock: createDatabaseClock(database),
      derive,
      keySettings: {
        store: createSigningKeyStore(database),
        policy: { rotation, jwksMaxAge, accessTokenLifetime },
        environmentKey: config.keyPair,
        previousKeys: config.previousKeys,
        encryptionKeys: derive('key-encryption'),
        generate,
      },
      migrate: () => updateDatabase(connection, root, log),
      // Concurrent callers share one check, because it has one connection.
      isMigrated: coalesceCalls(async () => {
        const pending = await findPending({ ...database, query: database.queryApart }, root)
        if (pending.length > 0) return false
        await database.queryApart(requireWritable, [])
        return true
      }),
      close: () => database.close(),
    }
  } catch (error) {
    await database.close()
    throw error
  }
}

/**
 * Returns a key generator. For an embedded database it generates the first key at once: the database takes a second to
 * open, and another core can generate the key meanwhile.
 */
export function prepareKey(
  { databaseUrl, keyPair, keyBits }: Config,
  generateKey: (bits: number) => Promise<KeyPair>,
): () => Promise<KeyPair> {
  const generate = () => generateKey(Number(keyBits))
  let prepared = databaseUrl === undefined && keyPair === null ? generate() : null
  return () => {
    const key = prepared ?? generate()
    prepared = null
    return key
  }
}
