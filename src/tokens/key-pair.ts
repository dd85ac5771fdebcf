import { createHash, createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'

/** An RSA key that signs, and the `kid` under which its public half is published. */
export type KeyPair = { kid: string; privateKey: KeyObject; publicKey: KeyObject }

/** A published key. */
export type PublicKey = Pick<KeyPair, 'kid' | 'publicKey'>

/**
 * Reads an RSA private key from PEM (PKCS#1 or PKCS#8; newlines may be written as `\n`).
 * Throws when it is something else or has fewer than 2048 bits.
 */
export function parsePrivateKey(pem: string): KeyObject {
  return checked(createPrivateKey(unescapeNewlines(pem)))
}

/** Reads an RSA public key from PEM (PKCS#1 or SPKI; newlines may be written as `\n`). Throws like `parsePrivateKey`. */
export function parsePublicKey(pem: string): KeyObject {
  return checked(createPublicKey(unescapeNewlines(pem)))
}

/** Reads an RSA public key from a JWK (RFC 7517). Throws like `parsePrivateKey`. */
export function parsePublicJwk(jwk: Record<string, unknown>): KeyObject {
  return checked(createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' }))
}

/**
 * Reads the public keys of a text, PEM after PEM, each after `<kid>=` if it has another kid than its thumbprint.
 * Throws when one of them cannot be read, or there is none.
 */
export function parsePublicKeys(text: string): PublicKey[] {
  const found = [
    ...unescapeNewlines(text).matchAll(/(?:([^\s=,;]+)=)?(-----BEGIN [^-]+-----[^-]+-----END [^-]+-----)/g),
  ]
  if (found.length === 0) throw new Error('no key')
  return found.map(([, kid, pem]) => {
    const publicKey = parsePublicKey(pem as string)
    return { kid: kid ?? thumbprint(publicKey), publicKey }
  })
}

/** Pairs a private key with its public half; `kid` defaults to the RFC 7638 thumbprint. */
export function createKeyPair(privateKey: KeyObject, kid?: string): KeyPair {
  const publicKey = createPublicKey(privateKey)
  return { kid: kid ?? thumbprint(publicKey), privateKey, publicKey }
}

/** A public key as /jwks lists it: these six members and no other, because Hasura refuses a whole set for one surprise. */
export function toPublicJwk({ kid, publicKey }: PublicKey): Record<string, unknown> {
  const { n, e } = publicKey.export({ format: 'jwk' })
  return { kty: 'RSA', use: 'sig', alg: 'RS256', kid, n, e }
}

/** The RFC 7638 thumbprint of a public key. */
export function thumbprint(publicKey: KeyObject): string {
  const { e, n } = publicKey.export({ format: 'jwk' })
  return createHash('sha256')
    .update(JSON.stringify({ e, kty: 'RSA', n }))
    .digest('base64url')
}

function unescapeNewlines(pem: string): string {
  return pem.replaceAll('\\r', '').replaceAll('\\n', '\n').trim()
}

function checked(key: KeyObject): KeyObject {
  if (key.asymmetricKeyType !== 'rsa') throw new Error('not an RSA key')
  if ((key.asymmetricKeyDetails?.modulusLength ?? 0) < 2048) throw new Error('fewer than 2048 bits')
  return key
}
