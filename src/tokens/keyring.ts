import { generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { GatewayError } from '../errors.ts'
import type { SigningKeyStore, StoredKey } from '../stores/signing-keys.ts'
import { openKey, sealKey } from './encrypted-key.ts'
import { createKeyPair, type KeyPair, type PublicKey, parsePublicJwk, toPublicJwk } from './key-pair.ts'
import { type RotationPolicy, type RotationStep, rotateKeys } from './key-rotation.ts'

/** The keys of this process at this moment: one that signs, and all that verify. Read anew for each use. */
export type SigningKeys = {
  readonly active: KeyPair
  /** The public key of that `kid`; undefined when it is not, or no longer, ours. Throws when that cannot be known. */
  find(kid: string): KeyObject | undefined
  /** The body of /jwks. */
  readonly jwks: string
}

export type SigningKeySettings = {
  store: SigningKeyStore
  policy: RotationPolicy
  /** The key of the environment, which signs in place of those of the database. */
  environmentKey: KeyPair | null
  /** Published besides, for tokens that were signed elsewhere or before. */
  previousKeys: readonly PublicKey[]
  /** Keys to open stored keys with; new ones are sealed with the first. */
  encryptionKeys: readonly [Uint8Array, ...Uint8Array[]]
  generate: () => Promise<KeyPair>
}

/** The keys as the database says, and how to look again. */
export type Keyring = SigningKeys & {
  /** Since when the active key signs; null for that of the environment. */
  readonly activeSince: Date | null
  /** Rotates what is due and takes over what other processes have changed. Returns what was done here. */
  update(now: Date): Promise<RotationStep[]>
}

/** Makes a new RSA key of that many bits, in the thread pool. */
export async function generateSigningKey(bits: number): Promise<KeyPair> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: bits })
  return createKeyPair(privateKey)
}

/**
 * The keys of a deployment, not loaded yet. Until `update` has read the database, only those of the environment are
 * known, and asking for what may be in the database throws `database_unavailable`. The same goes for an unknown `kid`
 * after an update that the database kept from ending: a good token must not become a bad one. `update` makes the first key
 * if there is none, seals stored keys anew when an earlier secret had to open them, and throws when the active one was
 * sealed with a secret that is not given, and when a stored key has the `kid` of another one that is given.
 */
export function createKeyring(settings: SigningKeySettings): Keyring {
  const { store, policy, environmentKey, previousKeys, encryptionKeys, generate } = settings
  const make = async () => sealKey(await generate(), encryptionKeys[0])
  let current = environmentKey && createSigningKeys(environmentKey, previousKeys)
  let seen: string | undefined
  let missed: GatewayError | null = new GatewayError('database_unavailable', {
    headers: { 'Retry-After': '5' },
  })
  let activeSince: Date | null = null

  async function look(at: Date): Promise<RotationStep[]> {
    // A deployment that signs with its environment's key publishes what the database has, and changes none of it.
    const { keys: stored, done } = environmentKey
      ? { keys: await store.list(), done: [] }
      : await rotateKeys(store, policy, make, opens, at)
    const now = stored.map(({ kid, state }) => `${state} ${kid}`).join('\n')
    if (now !== seen) {
      const opened = await Promise.all(stored.map(async (key) => ({ key, pair: await open(key) })))
      const signing = environmentKey ?? (await findActive(opened))
      const inDatabase = stored.map(toPublicKey)
      refuseNamesakes(inDatabase, [signing, ...previousKeys])
      current = createSigningKeys(signing, [...inDatabase, ...previousKeys])
      seen = now
      const active = environmentKey ? undefined : stored.find(({ state }) => state === 'active')
      activeSince = active?.activeAt ?? null
    }
    return done
  }

  async function findActive(opened: readonly { key: StoredKey; pair: KeyPair | null }[]): Promise<KeyPair> {
    const active = opened.find(({ key }) => key.state === 'active')
    if (active?.pair) {
      // Before the first token is signed: the key must stay published as long as that one lives.
      if (active.key.tokenLifetime < policy.accessTokenLifetime)
        await store.extend(active.key.kid, policy.accessTokenLifetime)
      return active.pair
    }
    const locked = active ?? opened.find(({ key }) => key.state === 'next')
    throw new Error(
      `The signing key ${locked?.key.kid} in the database was encrypted with another AUTH_SECRET. Set AUTH_SECRET to what it was, or AUTH_PREVIOUS_SECRET beside the new one.`,
    )
  }

  function opens(key: StoredKey): boolean {
    return encryptionKeys.some((encryptionKey) => openKey(key, encryptionKey) !== null)
  }

  async function open(key: StoredKey): Promise<KeyPair | null> {
    for (const [index, encryptionKey] of encryptionKeys.entries()) {
      const pair = openKey(key, encryptionKey)
      if (pair && index > 0)
        await store.reseal(key.kid, key.privateKey, sealKey(pair, encryptionKeys[0]).privateKey)
      if (pair) return pair
    }
    return null
  }

  function known(): SigningKeys {
    if (current) return current
    throw missed
  }

  return {
    get active() {
      return known().active
    },
    find: (kid) => {
      const key = current?.find(kid)
      if (key === undefined && missed) throw missed
      return key
    },
    get jwks() {
      return known().jwks
    },
    get activeSince() {
      return activeSince
    },
    update: async (at) => {
      try {
        const done = await look(at)
        missed = null
        return done
      } catch (error) {
        if (error instanceof GatewayError) missed = error
        throw error
      }
    },
  }
}

/** A fixed set of keys: `active` signs, it and `others` are published; of two with one `kid`, it is the one that counts. */
export function createSigningKeys(active: KeyPair, others: readonly PublicKey[] = []): SigningKeys {
  const published = new Map([active, ...others, active].map((key) => [key.kid, key]))
  return {
    active,
    find: (kid) => published.get(kid)?.publicKey,
    jwks: JSON.stringify({ keys: [...published.values()].map(toPublicJwk) }),
  }
}

/** Two keys under one name: whoever verifies would take tokens of the one for forgeries of the other. */
function refuseNamesakes(inDatabase: readonly PublicKey[], given: readonly PublicKey[]): void {
  const namesake = inDatabase.find(({ kid, publicKey }) =>
    given.some((other) => other.kid === kid && !other.publicKey.equals(publicKey)),
  )
  if (namesake)
    throw new Error(
      `The signing key ${namesake.kid} in the database is another one than the key of that name in AUTH_PRIVATE_KEY or AUTH_PREVIOUS_PUBLIC_KEYS. Give the latter another name, by AUTH_KEY_ID or before its "=".`,
    )
}

function toPublicKey({ kid, publicJwk }: StoredKey): PublicKey {
  try {
    return { kid, publicKey: parsePublicJwk(publicJwk) }
  } catch (cause) {
    throw new Error(`The signing key ${kid} in the database has an unusable public_jwk`, { cause })
  }
}
