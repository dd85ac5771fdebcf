import type { NewKey, SigningKeyStore, StoredKey } from '../database/signing-keys.ts'

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
export function removalTime(
  retiringAt: Date,
  { accessTokenLifetime }: Pick<RotationPolicy, 'accessTokenLifetime'>,
): Date {
  return new Date(retiringAt.getTime() + (accessTokenLifetime + skew) * 1000)
}

/** What the keys need at this moment. Pure. */
export function planRotation(keys: readonly StoredKey[], policy: RotationPolicy, now: Date): RotationStep[] {
  const age = (since: Date | null) => (now.getTime() - (since ?? now).getTime()) / 1000
  const active = keys.find(({ state }) => state === 'active')
  const next = keys.find(({ state }) => state === 'next')
  const lead = leadTime(policy)
  const steps: RotationStep[] = keys
    .filter(({ state, retiringAt }) => state === 'retiring' && removalTime(retiringAt ?? now, policy) < now)
    .map(({ kid }) => ({ step: 'remove', kid }))
  if (!active)
    return [...steps, next ? { step: 'activate', kid: next.kid } : { step: 'create', state: 'active' }]
  if (next) return age(next.createdAt) >= lead ? [...steps, { step: 'activate', kid: next.kid }] : steps
  const isDue = policy.rotation > 0 && age(active.activeAt) >= policy.rotation - lead
  return isDue ? [...steps, { step: 'create', state: 'next' }] : steps
}

/**
 * Does what `planRotation` says, if there is anything to do, as one process of any number that may try at once.
 * `make` makes a new key. Returns the keys as they are then.
 */
export async function rotateKeys(
  store: SigningKeyStore,
  policy: RotationPolicy,
  make: () => Promise<NewKey>,
  now: Date,
): Promise<{ keys: StoredKey[]; done: RotationStep[] }> {
  const keys = await store.list()
  if (planRotation(keys, policy, now).length === 0) return { keys, done: [] }
  return store.exclusively(async () => {
    const done = planRotation(await store.list(), policy, now)
    for (const step of done) {
      if (step.step === 'create') await store.add(await make(), step.state, now)
      else if (step.step === 'activate') await store.activate(step.kid, now)
      else await store.remove(step.kid)
    }
    return { keys: await store.list(), done }
  })
}
