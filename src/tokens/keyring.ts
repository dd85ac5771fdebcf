import { generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { GatewayError } from '../errors.ts'
import type { SigningKeyStore, StoredKey } from '../stores/signing-keys.ts'
import { openKey, sealKey } from './encrypted-key.ts'
import { createKeyPair, type KeyPair, type PublicKey, parsePublicJwk, toPublicJwk } from './key-pair.ts'
import { type RotationPolicy, type RotationStep, rotateKeys } from './key-rotation.ts'

/** The current keys of this process: the signing key, and all keys that verify. Every access returns current values. */
export type SigningKeys = {
  readonly active: KeyPair
  /** Returns the public key of a `kid`; undefined when no key has it. Throws while the keys are unknown. */
  find(kid: string): KeyObject | undefined
  /**
   * Returns the public key of a `kid` like `find`. For an unknown `kid` it first reads the keys that other processes have
   * made, for all callers together at most once a second.
   */
  seek(kid: string, now: Date): Promise<KeyObject | undefined>
  /** The body of /jwks. */
  readonly jwks: string
}

export type SigningKeySettings = {
  store: SigningKeyStore
  policy: RotationPolicy
  /** The key of the environment, which signs instead of the keys in the database. */
  environmentKey: KeyPair | null
  /** Further published keys, which verify older tokens and tokens of other issuers. */
  previousKeys: readonly PublicKey[]
  /** Encryption keys. Each of them decrypts stored keys; the first encrypts. */
  encryptionKeys: readonly [Uint8Array, ...Uint8Array[]]
  generate: () => Promise<KeyPair>
}

/** The keys of the database, with a way to update them. */
export type Keyring = SigningKeys & {
  /** The time since which the active key signs; null for the key of the environment. */
  readonly activeSince: Date | null
  /** Applies due rotations and reads the changes of other processes. Returns the rotations of this call. */
  update(now: Date): Promise<RotationStep[]>
}

// In milliseconds. Any client can send a token with an unknown `kid`.
const seekInterval = 1_000

/** Generates an RSA key of `bits` bits, in the thread pool. */
export async function generateSigningKey(bits: number): Promise<KeyPair> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: bits })
  return createKeyPair(privateKey)
}

/**
 * Creates the keys of a deployment, not loaded yet. Until the first `update`, only the keys of the environment are
 * known; any other access throws `database_unavailable`. An unknown `kid` throws it also after an `update` that failed
 * because of the database, so that no valid token is rejected as invalid.
 * `update` creates the first key, and encrypts stored keys again after a change of the secret. It throws when the
 * active key was encrypted with an unknown secret, and when a stored and a configured key share a `kid` and differ.
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
  // A read that began earlier must not replace the result of a later one.
  let reading: Promise<unknown> = Promise.resolve()
  let seeking: Promise<void> | null = null
  let soughtAt = Number.NEGATIVE_INFINITY

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = reading.then(work)
    reading = result.catch(() => {})
    return result
  }

  async function look(at: Date): Promise<RotationStep[]> {
    // With a key of the environment, the keys of the database are only published and never changed.
    const { keys: stored, done } = environmentKey
      ? { keys: await store.list(), done: [] }
      : await rotateKeys(store, policy, make, opens, at)
    await apply(stored)
    return done
  }

  async function apply(stored: readonly StoredKey[]): Promise<void> {
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
  }

  /** Reads the keys, and changes none. `update` reports the failures other than those of the database. */
  async function readKeys(): Promise<void> {
    try {
      await apply(await store.list())
    } catch (error) {
      if (!(error instanceof GatewayError)) return
      missed = error
      throw error
    }
  }

  async function findActive(opened: readonly { key: StoredKey; pair: KeyPair | null }[]): Promise<KeyPair> {
    const active = opened.find(({ key }) => key.state === 'active')
    if (active?.pair) {
      // Before the first token is signed, because the key must stay published until that token expires.
      if (active.key.tokenLifetime < policy.accessTokenLifetime)
        await store.extend(active.key.kid, policy.accessTokenLifetime)
      return active.pair
    }
    const locked = active ?? opened.find(({ key }) => key.state === 'next')
    throw new Error(
      `The signing key ${locked?.key.kid} in the database was encrypted with another AUTH_SECRET. Restore the earlier AUTH_SECRET, or set AUTH_PREVIOUS_SECRET to it.`,
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

  function find(kid: string): KeyObject | undefined {
    const key = current?.find(kid)
    if (key === undefined && missed) throw missed
    return key
  }

  return {
    get active() {
      return known().active
    },
    find,
    seek: async (kid, now) => {
      const key = find(kid)
      if (key !== undefined) return key
      // The clock may be set back.
      if (seeking === null && Math.abs(now.getTime() - soughtAt) >= seekInterval) {
        soughtAt = now.getTime()
        seeking = inTurn(readKeys).finally(() => {
          seeking = null
        })
      }
      await seeking
      return find(kid)
    },
    get jwks() {
      return known().jwks
    },
    get activeSince() {
      return activeSince
    },
    update: (at) =>
      inTurn(async () => {
        try {
          const done = await look(at)
          missed = null
          return done
        } catch (error) {
          if (error instanceof GatewayError) missed = error
          throw error
        }
      }),
  }
}

/** Returns a fixed set of keys: `active` signs; `active` and `others` are published. On equal `kid`s, `active` wins. */
export function createSigningKeys(active: KeyPair, others: readonly PublicKey[] = []): SigningKeys {
  const published = new Map([active, ...others, active].map((key) => [key.kid, key]))
  const find = (kid: string) => published.get(kid)?.publicKey
  return {
    active,
    find,
    seek: async (kid) => find(kid),
    jwks: JSON.stringify({ keys: [...published.values()].map(toPublicJwk) }),
  }
}

/** Throws when two different keys have the same `kid`, because verifiers would reject tokens of one of them. */
function refuseNamesakes(inDatabase: readonly PublicKey[], given: readonly PublicKey[]): void {
  const namesake = inDatabase.find(({ kid, publicKey }) =>
    given.some((other) => other.kid === kid && !other.publicKey.equals(publicKey)),
  )
  if (namesake)
    throw new Error(
      `The kid ${namesake.kid} belongs to different keys in the database and in AUTH_PRIVATE_KEY or AUTH_PREVIOUS_PUBLIC_KEYS. Set another AUTH_KEY_ID, or write another kid before the "=" in AUTH_PREVIOUS_PUBLIC_KEYS.`,
    )
}

function toPublicKey({ kid, publicJwk }: StoredKey): PublicKey {
  try {
    return { kid, publicKey: parsePublicJwk(publicJwk) }
  } catch (cause) {
    throw new Error(`The signing key ${kid} in the database has an invalid public_jwk`, { cause })
  }
}
