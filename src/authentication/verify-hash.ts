import { createCipheriv, hash as digestOf, pbkdf2, scrypt, timingSafeEqual } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { promisify } from 'node:util'
import { verify as argon2Verify } from '@node-rs/argon2'
import bcrypt from 'bcrypt'
import { cryptAlphabet, type HashAlgorithm, type StoredHash } from './password-hash-format.ts'

type Hash<Name extends HashAlgorithm['name']> = Extract<HashAlgorithm, { name: Name }>

const digestBytes = { sha1: 20, sha256: 32, sha512: 64 }
const derivePbkdf2 = promisify(pbkdf2)

/** Returns true when the password matches the hash. Rejects for parameters that the algorithm does not take. */
export async function verifyHash(password: string, { algorithm, prepare }: StoredHash): Promise<boolean> {
  const input = prepare(password)
  switch (algorithm.name) {
    case 'bcrypt':
      // $2y$ is PHP's name of the same algorithm. With $2a$, the package counts the length of a long password wrongly.
      return bcrypt.compare(input, algorithm.hash.replace(/^\$2[ay]\$/, '$2b$'))
    case 'argon2':
      return argon2Verify(algorithm.hash, input)
    case 'pbkdf2':
      return verifyPbkdf2(input, algorithm)
    case 'scrypt':
      return verifyScrypt(input, algorithm)
    case 'phpass':
      return verifyPhpass(input, algorithm)
  }
}

/** Derives the first block of the key only: each block takes all iterations, and the first one decides. */
async function verifyPbkdf2(
  password: string,
  { digest, iterations, salt, key }: Hash<'pbkdf2'>,
): Promise<boolean> {
  const block = key.subarray(0, digestBytes[digest])
  return timingSafeEqual(await derivePbkdf2(password, salt, iterations, block.length, digest), block)
}

/** With a signer key (Firebase), the derived key encrypts the signer key, and the result is the stored key. */
async function verifyScrypt(
  password: string,
  { n, r, p, salt, key, signerKey }: Hash<'scrypt'>,
): Promise<boolean> {
  const length = signerKey ? 32 : key.length
  const options = { N: n, r, p, maxmem: 2 ** 28 }
  const derived = await new Promise<Buffer>((resolve, reject) =>
    scrypt(password, salt, length, options, (error, bytes) => (error ? reject(error) : resolve(bytes))),
  )
  const made = signerKey
    ? createCipheriv('aes-256-ctr', derived, Buffer.alloc(16)).update(signerKey)
    : derived
  return made.length === key.length && timingSafeEqual(made, key)
}

/** Repeats MD5 on the event loop, and lets other work run after every 64 rounds. */
async function verifyPhpass(password: string, { roundsLog2, salt, key }: Hash<'phpass'>): Promise<boolean> {
  // Each round hashes the digest of the round before it and the password.
  const text = Buffer.concat([Buffer.alloc(16), Buffer.from(password)])
  digestOf('md5', salt + password, 'buffer').copy(text)
  for (let round = 0; round < 2 ** roundsLog2; round++) {
    if (round % 64 === 0) await setImmediate()
    digestOf('md5', text, 'buffer').copy(text)
  }
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
