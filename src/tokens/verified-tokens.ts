import type { KeyObject } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Bearer } from '../context.ts'

type Verified = { bearer: Bearer; kid: string; key: KeyObject }

/**
 * Caches tokens with a verified signature, so that Hasura's next request with the same token costs no RSA operation.
 * The whole token is the cache key, so only an identical token matches. An entry ends when the token expires or its
 * signing key is removed. The cache holds at most `capacity` characters of tokens and evicts the least recently used.
 */
export function createVerifiedTokens(
  findKey: (kid: string) => KeyObject | undefined,
  capacity = 8 * 1024 * 1024,
) {
  const tokens = new LRUCache<string, Verified>({
    maxSize: capacity,
    sizeCalculation: (_value, token) => token.length,
  })
  return {
    /** Returns the user and session of a cached token that is still valid; otherwise undefined. */
    find: (token: string, now: Date): Bearer | undefined => {
      const known = tokens.get(token)
      if (known === undefined) return undefined
      if (known.bearer.expiresAt > Math.floor(now.getTime() / 1000) && findKey(known.kid) === known.key) {
        return known.bearer
      }
      tokens.delete(token)
      return undefined
    },
    /** Adds a token that the key `kid` has just verified. */
    add: (token: string, kid: string | undefined, bearer: Bearer): void => {
      const key = kid === undefined ? undefined : findKey(kid)
      if (kid !== undefined && key !== undefined) tokens.set(token, { bearer, kid, key })
    },
  }
}
