import type { NewKey, SigningKeyStore, StoredKey } from '../stores/signing-keys.ts'

/** When keys change. All in seconds. */
export type RotationPolicy = {
  /** How long a key signs; 0 means for ever. */
  rotation: number
  /** How long Hasura may keep what it read from /jwks. */
  jwksMaxAge: number
  accessTokenLifetime: number
}

/** What is to be done now; nothing most of the time. */
export type RotationStep =
  | { step: 'create'; state: 'active' | 'next' }
  | { step: 'activate'; kid: string }
  | { step: 'remove'; kid: string }

// Clocks of verifiers may be this far behind ours.
const skew = 60

/** How long a key is published before it signs: by then every reader of /jwks has asked at least once more. */
export function leadTime({ jwksMaxAge }: Pick<RotationPolicy, 'jwksMaxAge'>): number {
  return 2 * jwksMaxAge
}

/** When a key that began to retire then is not needed any more: its last token has expired, everywhere. */
export function removalTime(retiringAt: Date, { tokenLifetime }: Pick<StoredKey, 'tokenLifetime'>): Date {
  return new Date(retiringAt.getTime() + (tokenLifetime + skew) * 1000)
}

/** What the keys need at this moment. Pure. */
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
 * Does what `planRotation` says, if there is anything to do, as one process of any number that may try at once.
 * `make` makes a new key. A key that `opens` says no of, because it was sealed with a secret that this process does not
 * have, never becomes the active one, and while the active one is such a key nothing is done. Returns the keys as they
 * are then.
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
