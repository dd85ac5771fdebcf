import type { Logger } from 'pino'
import type { Config } from './config.ts'
import { createDatabase, type Database } from './database/database.ts'
import { openDatabase } from './database/open.ts'
import { createSigningKeyStore } from './database/signing-keys.ts'
import type { KeyPair } from './tokens/key-pair.ts'
import { loadOrCreateSecret } from './tokens/secret-file.ts'
import { deriveKeys, type SecretKeys, type SecretLabel } from './tokens/secrets.ts'
import { generateSigningKey, type SigningKeySettings } from './tokens/signing-keys.ts'

/** What the gateway and every command work on: a migrated database and the secrets that belong to it. */
export type Deployment = {
  database: Database
  keySettings: SigningKeySettings
  derive(label: SecretLabel): SecretKeys
  close(): Promise<void>
}

/**
 * Opens the database of a configuration, migrated, with its secret. `generate` makes a signing key when one is needed.
 * Throws what `openDatabase` throws.
 */
export async function openDeployment(
  config: Config,
  root: URL,
  log: Logger,
  generate: () => Promise<KeyPair> = () => generateSigningKey(Number(config.keyBits)),
): Promise<Deployment> {
  const database = createDatabase(await openDatabase(config, root, log))
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
