import { createHash, randomBytes } from 'node:crypto'

/** How long a one-time code may wait to be exchanged, in seconds. */
export const codeLifetime = 60

/** A new one-time code: 256 random bits. */
export function createCode(): string {
  return randomBytes(32).toString('base64url')
}

/** What is stored of a code. */
export function hashCode(code: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash('sha256').update(code).digest())
}

/** The S256 challenge of a code verifier (RFC 7636, section 4.2). */
export function challengeOf(codeVerifier: string): string {
  return createHash('sha256').update(codeVerifier).digest('base64url')
}
