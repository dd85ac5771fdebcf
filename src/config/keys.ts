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

/** Key files that are used when the variables of the same purpose are unset. */
export type KeyFiles = { privatePem?: string | undefined; publicPem?: string | undefined }

/** Reads the signing key that the environment or the key files give; null is none. Adds to `problems` what is wrong. */
export function readKeyPair(read: Read, problems: string[], files: KeyFiles): KeyPair | null {
  const kid = read('AUTH_KEY_ID', v.optionalText(200))
  const privateVariable = read('AUTH_PRIVATE_KEY', v.optionalText(20_000))
  const privatePem = privateVariable ?? files.privatePem
  // A file that lies about belongs to the file beside it, and not to whatever a variable says.
  const publicFile = privateVariable === undefined ? files.publicPem : undefined
  const publicPem = read('AUTH_PUBLIC_KEY', v.optionalText(20_000)) ?? publicFile
  if (privatePem === undefined) {
    if (publicPem !== undefined)
      problems.push('AUTH_PUBLIC_KEY (or public.pem) is of no use without AUTH_PRIVATE_KEY')
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

/** Reads the keys to publish besides. Adds to `problems` when two different keys would have one name. */
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
      'AUTH_PREVIOUS_PUBLIC_KEYS has another key under the name of AUTH_PRIVATE_KEY; set AUTH_KEY_ID to a new name',
    )
  else if (previous.some(isNamesake)) problems.push('AUTH_PREVIOUS_PUBLIC_KEYS has two keys of one name')
  return previous
}

/**
 * Reads the secret; without it, a signing key has one in it. Null is none, which is a problem where `isNeeded`: a server's
 * database is shared, and what one process made up would be of no use to the next.
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
  if (isNeeded) problems.push('AUTH_SECRET (or AUTH_PRIVATE_KEY) must be set when DATABASE_URL is')
  return null
}
