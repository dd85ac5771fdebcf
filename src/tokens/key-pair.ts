import { createHash, createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'

/** An RSA key pair, and the `kid` under which its public key is published. */
export type KeyPair = { kid: string; privateKey: KeyObject; publicKey: KeyObject }

/** A public key and its `kid`. */
export type PublicKey = Pick<KeyPair, 'kid' | 'publicKey'>

/**
 * Reads an RSA private key from PEM (PKCS#1 or PKCS#8; newlines may be written as `\n`), or from PEM in base64.
 * Throws when the text is no RSA private key, or when the key has fewer than 2048 bits.
 */
export function parsePrivateKey(pem: string): KeyObject {
  return checked(createPrivateKey(readPem(pem)))
}

/**
 * Reads a private key for ES256 from PEM, in one of the forms of `parsePrivateKey`. Throws for a text that is no such key.
 */
export function parseP256Key(pem: string): KeyObject {
  const key = createPrivateKey(readPem(pem))
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new Error('not a key on the curve P-256')
  return key
}

/** Reads an RSA public key (PKCS#1 or SPKI) in one of the forms of `parsePrivateKey`. Throws as that does. */
export function parsePublicKey(pem: string): KeyObject {
  return checked(createPublicKey(readPem(pem)))
}

/** Reads an RSA public key from a JWK (RFC 7517). Throws like `parsePrivateKey`. */
export function parsePublicJwk(jwk: Record<string, unknown>): KeyObject {
  return checked(createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' }))
}

/**
 * Reads the public keys of a text: one or more PEM blocks, each after `<kid>=` if its kid is not its thumbprint.
 * Throws when a key cannot be read, and when the text has no key.
 */
export function parsePublicKeys(text: string): PublicKey[] {
  const found = [
    ...readPem(text).matchAll(/(?:([^\s=,;]+)=)?(-----BEGIN [^-]+-----[^-]+-----END [^-]+-----)/g),
  ]
  if (found.length === 0) throw new Error('no key')
  return found.map(([, kid, pem]) => {
    const publicKey = parsePublicKey(pem as string)
    return { kid: kid ?? thumbprint(publicKey), publicKey }
  })
}

/** Returns the key pair of a private key; `kid` defaults to the RFC 7638 thumbprint. */
export function createKeyPair(privateKey: KeyObject, kid?: string): KeyPair {
  const publicKey = createPublicKey(privateKey)
  return { kid: kid ?? thumbprint(publicKey), privateKey, publicKey }
}

/** Returns the JWK of a public key for /jwks. It has six members only: Hasura rejects a set with unexpected members. */
export function toPublicJwk({ kid, publicKey }: PublicKey): Record<string, unknown> {
  const { n, e } = publicKey.export({ format: 'jwk' })
  return { kty: 'RSA', use: 'sig', alg: 'RS256', kid, n, e }
}

/** Returns the RFC 7638 thumbprint of a public key. */
export function thumbprint(publicKey: KeyObject): string {
  const { e, n } = publicKey.export({ format: 'jwk' })
  return createHash('sha256')
    .update(JSON.stringify({ e, kty: 'RSA', n }))
    .digest('base64url')
}

/** Returns PEM from a text that may be on one line: with `\n` for newlines, or as base64 of the whole PEM. */
function readPem(text: string): string {
  const pem = text.replaceAll('\\r', '').replaceAll('\\n', '\n').trim()
  // The beginning of "-----BEGIN" in base64. A tool may break the lines.
  return pem.startsWith('LS0tLS1CRUdJTi') ? Buffer.from(pem, 'base64').toString().trim() : pem
}

function checked(key: KeyObject): KeyObject {
  if (key.asymmetricKeyType !== 'rsa') throw new Error('not an RSA key')
  if ((key.asymmetricKeyDetails?.modulusLength ?? 0) < 2048) throw new Error('fewer than 2048 bits')
  return key
}
