import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { createDatabase, type Database } from '../database/database.ts'
import { connectDatabase } from '../database/open.ts'
import { findPending, updateDatabase } from '../migrations/migrate.ts'
import { createSigningKeyStore } from '../stores/signing-keys.ts'
import type { KeyPair } from '../tokens/key-pair.ts'
import { generateSigningKey, type SigningKeySettings } from '../tokens/keyring.ts'
import { deriveKeys, loadOrCreateSecret, type SecretKeys, type SecretLabel } from '../tokens/secrets.ts'

/** What the gateway and every command work on: a database and the secrets that belong to it. */
export type Deployment = {
  database: Database
  keySettings: SigningKeySettings
  derive(label: SecretLabel): SecretKeys
  /** Brings the database up to date. Throws what `updateDatabase` throws. */
  migrate(): Promise<void>
  /** Whether the database is up to date. Throws when it cannot be asked. */
  isMigrated(): Promise<boolean>
  close(): Promise<void>
}

/** Opens the database of a configuration, migrated, with its secret. Throws what `connectDeployment` and `updateDatabase` throw. */
export async function openDeployment(config: Config, root: URL, log: Logger): Promise<Deployment> {
  const deployment = await connectDeployment(config, root, log)
  try {
    await deployment.migrate()
    return deployment
  } catch (error) {
    await deployment.close()
    throw error
  }
}

/**
 * The same with a database as it is, which need not be there yet if it is a server's. `generate` makes a signing key
 * when one is needed. Throws what `connectDatabase` throws.
 */
export async function connectDeployment(
  config: Config,
  root: URL,
  log: Logger,
  generate: () => Promise<KeyPair> = () => generateSigningKey(Number(config.keyBits)),
): Promise<Deployment> {
  const connection = await connectDatabase(config, root, log)
  const database = createDatabase(connection)
  try {
    const secret = config.secret ?? (await loadOrCreateSecret(config.dataDir))
    const derive = (label: SecretLabel) => deriveKeys(secret, config.previousSecret, label)
    const { keyRotation: rotation, jwksMaxAge, accessTokenLifetime } = config
    return {
      database,
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
      isMigrated: async () => (await findPending(database, root)).length === 0,
      close: () => database.close(),
    }
  } catch (error) {
    await database.close()
    throw error
  }
}

/**
 * Makes keys, the first of them ahead of time: the embedded database takes a second to open, in which another core can
 * make the key that its first start needs.
 */
export function prepareKey({ databaseUrl, keyPair, keyBits }: Config): () => Promise<KeyPair> {
  const generate = () => generateSigningKey(Number(keyBits))
  let prepared = databaseUrl === undefined && keyPair === null ? generate() : null
  return () => {
    const key = prepared ?? generate()
    prepared = null
    return key
  }
}
