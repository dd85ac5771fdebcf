import type { KeyObject } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Bearer } from '../context.ts'

type Verified = { bearer: Bearer; kid: string; key: KeyObject }

/**
 * Remembers tokens whose signature has been verified, so that Hasura's next question about the same token costs no RSA
 * work. The whole token is the name, so nothing but those very bytes is ever taken for it; it is forgotten when it
 * expires or its key is no longer ours. At most `capacity` characters of tokens; the least recently used goes first.
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
    /** Who the token speaks for, if it has been verified and still would be; otherwise undefined. */
    find: (token: string, now: Date): Bearer | undefined => {
      const known = tokens.get(token)
      if (known === undefined) return undefined
      if (known.bearer.expiresAt > Math.floor(now.getTime() / 1000) && findKey(known.kid) === known.key) {
        return known.bearer
      }
      tokens.delete(token)
      return undefined
    },
    /** Takes note of a token that the key `kid` has just verified. */
    add: (token: string, kid: string | undefined, bearer: Bearer): void => {
      const key = kid === undefined ? undefined : findKey(kid)
      if (kid !== undefined && key !== undefined) tokens.set(token, { bearer, kid, key })
    },
  }
}
