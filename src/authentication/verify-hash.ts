import { createCipheriv, hash as digestOf, pbkdf2Sync, scryptSync, timingSafeEqual } from 'node:crypto'
import bcrypt from 'bcrypt'
import { cryptAlphabet, type HashAlgorithm, type StoredHash } from './password-hash-format.ts'

type Hash<Name extends HashAlgorithm['name']> = Extract<HashAlgorithm, { name: Name }>

const digestBytes = { sha1: 20, sha256: 32, sha512: 64 }

/** Loads the package of argon2 at its first hash: it takes 8 MiB, and bcrypt hashes do not need it. */
export const loadArgon2 = () => import('@node-rs/argon2')

/**
 * Returns true when the password matches the hash. Throws for parameters that the algorithm does not take. It occupies
 * its thread, so only hash-thread.ts calls it.
 */
export async function verifyHash(password: string, { algorithm, prepare }: StoredHash): Promise<boolean> {
  const input = prepare(password)
  switch (algorithm.name) {
    case 'bcrypt':
      // $2y$ is PHP's name of the same algorithm. With $2a$, the package counts the length of a long password wrongly.
      return bcrypt.compareSync(input, algorithm.hash.replace(/^\$2[ay]\$/, '$2b$'))
    case 'argon2':
      return (await loadArgon2()).verifySync(algorithm.hash, input)
    case 'pbkdf2':
      return verifyPbkdf2(input, algorithm)
    case 'scrypt':
      return verifyScrypt(input, algorithm)
    case 'phpass':
      return verifyPhpass(input, algorithm)
  }
}

/** Derives the first block of the key only: each block takes all iterations, and the first one decides. */
function verifyPbkdf2(password: string, { digest, iterations, salt, key }: Hash<'pbkdf2'>): boolean {
  const block = key.subarray(0, digestBytes[digest])
  return timingSafeEqual(pbkdf2Sync(password, salt, iterations, block.length, digest), block)
}

/** With a signer key (Firebase), the derived key encrypts the signer key, and the result is the stored key. */
function verifyScrypt(password: string, { n, r, p, salt, key, signerKey }: Hash<'scrypt'>): boolean {
  const length = signerKey ? 32 : key.length
  const derived = scryptSync(password, salt, length, { N: n, r, p, maxmem: 2 ** 28 })
  const made = signerKey
    ? createCipheriv('aes-256-ctr', derived, Buffer.alloc(16)).update(signerKey)
    : derived
  return made.length === key.length && timingSafeEqual(made, key)
}

function verifyPhpass(password: string, { roundsLog2, salt, key }: Hash<'phpass'>): boolean {
  // Each round hashes the digest of the round before it and the password.
  const text = Buffer.concat([Buffer.alloc(16), Buffer.from(password)])
  digestOf('md5', salt + password, 'buffer').copy(text)
  for (let round = 0; round < 2 ** roundsLog2; round++) digestOf('md5', text, 'buffer').copy(text)
  return timingSafeEqual(Buffer.from(encodeCrypt(text.subarray(0, 16))), Buffer.from(key))
}

/** Writes bytes in the alphabet of crypt(3): six bits a digit, of three bytes the first one and its lowest bits first. */
function encodeCrypt(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 3) {
    const group = bytes.subarray(at, at + 3)
    const value = group.reduce((sum, byte, index) => sum + byte * 256 ** index, 0)
    for (let digit = 0; digit <= group.length; digit++)
      text += cryptAlphabet[Math.floor(value / 64 ** digit) % 64]
  }
  return text
}
