import { createHash, randomBytes } from 'node:crypto'

/** The lifetime of a one-time code, in seconds. */
export const codeLifetime = 60

/** The seconds within which a second exchange ends no session. React's StrictMode, for example, repeats calls at once. */
export const codeGrace = 10

/** Returns a new one-time code: 256 random bits, in base64url. */
export function createCode(): string {
  return randomBytes(32).toString('base64url')
}

/** Returns the SHA-256 hash of a code, which is stored instead of the code. */
export function hashCode(code: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash('sha256').update(code).digest())
}

/** Returns the S256 challenge of a code verifier (RFC 7636, section 4.2). */
export function challengeOf(codeVerifier: string): string {
  return createHash('sha256').update(codeVerifier).digest('base64url')
}
