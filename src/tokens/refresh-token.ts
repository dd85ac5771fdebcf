import { createHmac, timingSafeEqual } from 'node:crypto'
import { GatewayError } from '../errors.ts'
import type { SecretKeys } from './secrets.ts'

/** Which session a refresh token belongs to, and which of its successive tokens it is. */
export type RefreshClaims = { sessionId: string; counter: number }

/** Makes secret scanners and people recognise the token. */
const prefix = 'cgr_'
const bodyBytes = 20
const macBytes = 32

export type RefreshTokens = ReturnType<typeof createRefreshTokens>

/**
 * Refresh tokens are `cgr_` and, in base64url, the session id, a counter and an HMAC-SHA256 over both. Nothing of them
 * is stored, so nobody who reads the database can make one. The first key makes them, any of the keys verifies.
 */
export function createRefreshTokens(keys: SecretKeys) {
  const macOf = (body: Uint8Array, key: Uint8Array): Buffer => createHmac('sha256', key).update(body).digest()
  return {
    /** The refresh token of a session at this counter. The same input gives the same token. */
    sign: ({ sessionId, counter }: RefreshClaims): string => {
      const body = Buffer.alloc(bodyBytes)
      body.write(sessionId.replaceAll('-', ''), 'hex')
      body.writeUInt32BE(counter, 16)
      return prefix + Buffer.concat([body, macOf(body, keys[0])]).toString('base64url')
    },

    /** Reads a token that `sign` made. Throws `invalid_token` for anything else. */
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
