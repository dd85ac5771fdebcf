import type { NewKey, SigningKeyStore, StoredKey } from '../stores/signing-keys.ts'

/** The rules of key rotation. All times are in seconds. */
export type RotationPolicy = {
  /** The time that a key signs; 0 disables rotation. */
  rotation: number
  /** The time that readers may cache /jwks. */
  jwksMaxAge: number
  accessTokenLifetime: number
}

/** A change that is due. */
export type RotationStep =
  | { step: 'create'; state: 'active' | 'next' }
  | { step: 'activate'; kid: string }
  | { step: 'remove'; kid: string }

// The largest clock skew of verifiers, in seconds.
const skew = 60

/** Returns the seconds between publishing and signing: by then every reader of /jwks has read it again. */
export function leadTime({ jwksMaxAge }: Pick<RotationPolicy, 'jwksMaxAge'>): number {
  return 2 * jwksMaxAge
}

/** Returns the time when the last token of a retiring key has expired, with clock skew; the key is removed then. */
export function removalTime(retiringAt: Date, { tokenLifetime }: Pick<StoredKey, 'tokenLifetime'>): Date {
  return new Date(retiringAt.getTime() + (tokenLifetime + skew) * 1000)
}

/** Returns the changes that are due now. Pure. */
export function planRotation(keys: readonly StoredKey[], policy: RotationPolicy, now: Date): RotationStep[] {
  const age = (since: Date | null) => (now.getTime() - (since ?? now).getTime()) / 1000
  const active = keys.find(({ state }) => state === 'active')
  const next = keys.find(({ state }) => state === 'next')
  const lead = leadTime(policy)
  const steps: RotationStep[] = keys
    .filter((key) => key.state === 'retiring' && removalTime(key.retiringAt ?? now, key) < now)
    .map(({ kid }) => ({ step: 'remove', kid }))
  if (!active)
    return [...steps, next ? { step: 'activate', kid: next.kid } : { step: 'create', state: 'active' }]
  if (next) return age(next.createdAt) >= lead ? [...steps, { step: 'activate', kid: next.kid }] : steps
  const isDue = policy.rotation > 0 && age(active.activeAt) >= policy.rotation - lead
  return isDue ? [...steps, { step: 'create', state: 'next' }] : steps
}

/**
 * Applies the changes of `planRotation`; safe in concurrent processes. `make` creates a new key. `opens` returns false
 * for a key that was encrypted with an unknown secret. Such a key never becomes active, and while the active key is
 * such a key, nothing changes. Returns the resulting keys and the applied changes.
 */
export async function rotateKeys(
  store: SigningKeyStore,
  policy: RotationPolicy,
  make: () => Promise<NewKey>,
  opens: (key: StoredKey) => boolean,
  now: Date,
): Promise<{ keys: StoredKey[]; done: RotationStep[] }> {
  const plan = (stored: StoredKey[]) => {
    const locked = stored.filter(({ state }) => state !== 'retiring').filter((key) => !opens(key))
    if (locked.some(({ state }) => state === 'active')) return []
    const isLocked = (step: RotationStep) =>
      step.step === 'activate' && locked.some(({ kid }) => kid === step.kid)
    return planRotation(stored, policy, now).filter((step) => !isLocked(step))
  }
  const keys = await store.list()
  if (planRotation(keys, policy, now).length === 0) return { keys, done: [] }
  return store.exclusively(async () => {
    const done = plan(await store.list())
    for (const step of done) {
      if (step.step === 'create') await store.add(await make(), step.state, policy.accessTokenLifetime, now)
      else if (step.step === 'activate') await store.activate(step.kid, now)
      else await store.remove(step.kid)
    }
    return { keys: await store.list(), done }
  })
}
