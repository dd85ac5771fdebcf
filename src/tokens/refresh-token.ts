import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'
import { GatewayError } from '../errors.ts'
import type { SecretKeys } from './secrets.ts'

/** The session of a refresh token, and its number in the session's sequence of tokens. */
export type RefreshClaims = { sessionId: string; counter: number }

/** The prefix by which secret scanners recognise the token. */
const prefix = 'cgr_'
const bodyBytes = 20
const macBytes = 32

export type RefreshTokens = ReturnType<typeof createRefreshTokens>

/**
 * Creates and verifies refresh tokens: `cgr_` and, in base64url, the session id, a counter and an HMAC-SHA256 over
 * both. Tokens are not stored, so read access to the database is not enough to forge one. The first key signs; every
 * key verifies.
 */
export function createRefreshTokens([signing, ...others]: SecretKeys) {
  const signingKey = createSecretKey(signing)
  const keys = [signingKey, ...others.map((key) => createSecretKey(key))]
  const macOf = (body: Uint8Array, key: KeyObject): Buffer => createHmac('sha256', key).update(body).digest()
  return {
    /** Returns the refresh token of a session at a counter. The same input gives the same token. */
    sign: ({ sessionId, counter }: RefreshClaims): string => {
      const body = Buffer.alloc(bodyBytes)
      body.write(sessionId.replaceAll('-', ''), 'hex')
      body.writeUInt32BE(counter, 16)
      return prefix + Buffer.concat([body, macOf(body, signingKey)]).toString('base64url')
    },

    /** Verifies a token of `sign`. Throws `invalid_token` for any other text. */
    verify: (token: string): RefreshClaims => {
      const bytes = Buffer.from(token.slice(prefix.length), 'base64url')
      const body = bytes.subarray(0, bodyBytes)
      const isOurs =
        token === prefix + bytes.toString('base64url') &&
        bytes.length === bodyBytes + macBytes &&
        keys.some((key) => timingSafeEqual(bytes.subarray(bodyBytes), macOf(body, key)))
      if (!isOurs) throw new GatewayError('invalid_token')
      const hex = body.toString('hex', 0, 16)
      return {
        sessionId: hex.replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
        counter: body.readUInt32BE(16),
      }
    },
  }
}
