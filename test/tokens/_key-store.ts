import type { KeyState, NewKey, SigningKeyStore, StoredKey } from '../../src/stores/signing-keys.ts'

/** Creates the signing key table in memory, with the conditions of the database. */
export function createFakeStore(): SigningKeyStore & { keys: StoredKey[] } {
  const store = {
    keys: [] as StoredKey[],
    exclusively: <T>(work: () => Promise<T>) => work(),
    list: async () => structuredClone(store.keys),
    add: async (key: NewKey, state: 'next' | 'active', tokenLifetime: number, now: Date) => {
      if (store.keys.some((other) => other.state === state)) throw new Error(`two keys are ${state}`)
      const activeAt = state === 'active' ? now : null
      store.keys.push({
        ...key,
        state: state as KeyState,
        createdAt: now,
        activeAt,
        retiringAt: null,
        tokenLifetime,
      })
    },
    activate: async (kid: string, now: Date) => {
      for (const key of store.keys) {
        if (key.kid === kid) Object.assign(key, { state: 'active', activeAt: now })
        else if (key.state === 'active') Object.assign(key, { state: 'retiring', retiringAt: now })
      }
    },
    remove: async (kid: string) => {
      const before = store.keys.length
      store.keys = store.keys.filter((key) => key.kid !== kid || key.state === 'active')
      return store.keys.length < before
    },
    extend: async (kid: string, tokenLifetime: number) => {
      const key = store.keys.find((each) => each.kid === kid)
      if (key) key.tokenLifetime = Math.max(key.tokenLifetime, tokenLifetime)
    },
    reseal: async () => {},
  }
  return store
}
