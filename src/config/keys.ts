import {
  createKeyPair,
  type KeyPair,
  type PublicKey,
  parsePrivateKey,
  parsePublicKey,
} from '../tokens/key-pair.ts'
import { secretFromPrivateKey } from '../tokens/secrets.ts'
import type { Read } from './providers.ts'
import * as v from './values.ts'

/** The key files. Each is used when the variable of the same purpose is unset. */
export type KeyFiles = { privatePem?: string | undefined; publicPem?: string | undefined }

/** Reads the signing key of the environment or the key files; null without one. Adds faults to `problems`. */
export function readKeyPair(read: Read, problems: string[], files: KeyFiles): KeyPair | null {
  const kid = read('AUTH_KEY_ID', v.optionalText(200))
  const privateVariable = read('AUTH_PRIVATE_KEY', v.optionalText(20_000))
  const privatePem = privateVariable ?? files.privatePem
  // public.pem belongs to private.pem. With AUTH_PRIVATE_KEY set, public.pem may be left from another key.
  const publicFile = privateVariable === undefined ? files.publicPem : undefined
  const publicPem = read('AUTH_PUBLIC_KEY', v.optionalText(20_000)) ?? publicFile
  if (privatePem === undefined) {
    if (publicPem !== undefined)
      problems.push('AUTH_PUBLIC_KEY (or public.pem) requires AUTH_PRIVATE_KEY (or private.pem)')
    return null
  }
  const parse = <T>(name: string, pem: string, parsePem: (pem: string) => T): T | null => {
    try {
      return parsePem(pem)
    } catch {
      problems.push(`${name} must be an RSA key of at least 2048 bits in PEM${v.findCause(pem)}`)
      return null
    }
  }
  const privateKey = parse('AUTH_PRIVATE_KEY (or private.pem)', privatePem, parsePrivateKey)
  const publicKey =
    publicPem === undefined ? null : parse('AUTH_PUBLIC_KEY (or public.pem)', publicPem, parsePublicKey)
  if (!privateKey) return null
  const pair = createKeyPair(privateKey, kid)
  if (publicKey && !publicKey.equals(pair.publicKey)) {
    problems.push('AUTH_PUBLIC_KEY (or public.pem) does not belong to AUTH_PRIVATE_KEY')
  }
  return pair
}

/** Reads the additional keys for /jwks. Adds a problem when two different keys have the same key id. */
export function readPreviousKeys(
  read: Read,
  problems: string[],
  keyPair: KeyPair | null,
): readonly PublicKey[] {
  const previous = read('AUTH_PREVIOUS_PUBLIC_KEYS', v.publicKeys) ?? []
  const all = keyPair ? [keyPair, ...previous] : previous
  const isNamesake = ({ kid, publicKey }: PublicKey) =>
    all.some((other) => other.kid === kid && !other.publicKey.equals(publicKey))
  if (keyPair && isNamesake(keyPair))
    problems.push(
      'AUTH_PREVIOUS_PUBLIC_KEYS has another key with the key id of AUTH_PRIVATE_KEY; set AUTH_KEY_ID to a new key id',
    )
  else if (previous.some(isNamesake))
    problems.push(
      'AUTH_PREVIOUS_PUBLIC_KEYS has two different keys with the same key id; give each its own key id',
    )
  return previous
}

/**
 * Reads the secret, or derives it from the signing key. Returns null without both, which is a problem if `isNeeded`:
 * the processes that share a database server also need the same secret.
 */
export function readSecret(
  read: Read,
  problems: string[],
  keyPair: KeyPair | null,
  isNeeded: boolean,
): string | null {
  const secret = read('AUTH_SECRET', v.secret)
  if (secret !== undefined) return secret
  if (keyPair) return secretFromPrivateKey(keyPair.privateKey)
  if (isNeeded)
    problems.push(
      'AUTH_SECRET (or AUTH_PRIVATE_KEY) must be set when DATABASE_URL is (try: openssl rand -base64 48, and keep the value)',
    )
  return null
}
