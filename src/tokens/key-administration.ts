import type { StoredKey } from '../stores/signing-keys.ts'
import { openKey, sealKey } from './encrypted-key.ts'
import type { KeyPair } from './key-pair.ts'
import { leadTime } from './key-rotation.ts'
import type { SigningKeySettings } from './keyring.ts'

/** The reason of a rejected key change; the keys are unchanged. */
export type KeyRefusal =
  | 'other_secret'
  | 'environment_key'
  | 'next_key_exists'
  | 'key_exists'
  | 'active_key'
  | 'key_not_found'

export type Refused = { refused: KeyRefusal }

/** A published key. `signsAt` is the time from which it signs; null while the key of the environment signs instead. */
export type PublishedKey = { kid: string; state: 'next' | 'active'; isNew: boolean; signsAt: Date | null }

/**
 * Publishes the next key, unless one exists. It signs after every reader of /jwks had time to read it. In a deployment
 * without keys it signs at once.
 */
export function publishNext(settings: SigningKeySettings, now: Date): Promise<PublishedKey | Refused> {
  const { store, policy, environmentKey, generate, encryptionKeys } = settings
  return changeKeys(settings, async ({ active, next }) => {
    if (next)
      return { kid: next.kid, state: 'next', isNew: false, signsAt: signingTime(settings, next.createdAt) }
    const key = sealKey(await generate(), encryptionKeys[0])
    const state = active || environmentKey ? 'next' : 'active'
    await store.add(key, state, policy.accessTokenLifetime, now)
    const signsAt = state === 'active' ? now : signingTime(settings, now)
    return { kid: key.kid, state, isNew: true, signsAt }
  })
}

/** Activates the next key, which is created if missing, and retires the previous active key. */
export function activateNow(
  settings: SigningKeySettings,
  now: Date,
): Promise<{ kid: string; retired: string | null } | Refused> {
  const { store, policy, environmentKey, generate, encryptionKeys } = settings
  return changeKeys(settings, async ({ active, next }) => {
    if (environmentKey) return { refused: 'environment_key' }
    const kid = next?.kid ?? (await addNext())
    await store.activate(kid, now)
    return { kid, retired: active?.kid ?? null }
  })

  async function addNext(): Promise<string> {
    const key = sealKey(await generate(), encryptionKeys[0])
    await store.add(key, 'next', policy.accessTokenLifetime, now)
    return key.kid
  }
}

/** Publishes an imported key as the next key. */
export function importKey(
  settings: SigningKeySettings,
  pair: KeyPair,
  now: Date,
): Promise<PublishedKey | Refused> {
  const { store, policy, environmentKey, previousKeys, encryptionKeys } = settings
  return changeKeys(settings, async ({ stored, active, next }) => {
    const others = [...previousKeys, ...(environmentKey ? [environmentKey] : [])]
    const isTaken = others.some(({ kid, publicKey }) => kid === pair.kid && !publicKey.equals(pair.publicKey))
    if (isTaken || stored.some(({ kid }) => kid === pair.kid)) return { refused: 'key_exists' }
    if (next) return { refused: 'next_key_exists' }
    await store.add(sealKey(pair, encryptionKeys[0]), 'next', policy.accessTokenLifetime, now)
    const signsAt = active ? signingTime(settings, now) : environmentKey ? null : now
    return { kid: pair.kid, state: 'next', isNew: true, signsAt }
  })
}

/** Removes a key that is not active from /jwks. Its tokens are rejected from then on. */
export async function retireKey(
  settings: Pick<SigningKeySettings, 'store' | 'environmentKey' | 'previousKeys'>,
  kid: string,
): Promise<{ kid: string; was: 'next' | 'retiring' } | Refused> {
  const { store, environmentKey, previousKeys } = settings
  return store.exclusively(async () => {
    const found = (await store.list()).find((key) => key.kid === kid)
    if (found?.state === 'active') return { refused: 'active_key' }
    if (found && (await store.remove(kid))) return { kid, was: found.state }
    const isElsewhere = environmentKey?.kid === kid || previousKeys.some((key) => key.kid === kid)
    return { refused: isElsewhere ? 'environment_key' : 'key_not_found' }
  })
}

/** Returns the time from which a next key signs; null while the key of the environment signs instead. */
export function signingTime(
  { policy, environmentKey }: Pick<SigningKeySettings, 'policy' | 'environmentKey'>,
  publishedAt: Date,
): Date | null {
  return environmentKey ? null : new Date(publishedAt.getTime() + leadTime(policy) * 1000)
}

type Current = { stored: StoredKey[]; active: StoredKey | undefined; next: StoredKey | undefined }

/**
 * Runs `change` while no other process changes keys. Rejects with `other_secret` when an active or next key was
 * encrypted with another secret, because gateways on the same database could not decrypt a new key.
 */
function changeKeys<T>(
  { store, encryptionKeys }: Pick<SigningKeySettings, 'store' | 'encryptionKeys'>,
  change: (current: Current) => Promise<T | Refused>,
): Promise<T | Refused> {
  return store.exclusively(async () => {
    const stored = await store.list()
    const opens = (key: StoredKey) => encryptionKeys.some((encryptionKey) => openKey(key, encryptionKey))
    if (!stored.filter(({ state }) => state !== 'retiring').every(opens)) return { refused: 'other_secret' }
    const inState = (state: StoredKey['state']) => stored.find((key) => key.state === state)
    return change({ stored, active: inState('active'), next: inState('next') })
  })
}
