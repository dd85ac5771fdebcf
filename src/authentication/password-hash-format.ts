import { createHash, createHmac } from 'node:crypto'

/** The hash function of PBKDF2. */
export type Digest = 'sha1' | 'sha256' | 'sha512'

/** The algorithm of a stored hash, with all that a verification reads. */
export type HashAlgorithm =
  | { name: 'bcrypt'; hash: string; cost: number }
  | { name: 'argon2'; hash: string; type: string; memory: number; passes: number; lanes: number }
  | { name: 'pbkdf2'; digest: Digest; iterations: number; salt: Uint8Array; key: Uint8Array }
  | {
      name: 'scrypt'
      n: number
      r: number
      p: number
      salt: Uint8Array
      key: Uint8Array
      signerKey?: Uint8Array
    }
  | { name: 'phpass'; roundsLog2: number; salt: string; key: string }

/** A stored hash: its algorithm, and the function that makes the input of the algorithm from a password. */
export type StoredHash = { algorithm: HashAlgorithm; prepare: (password: string) => string }

type Format = {
  pattern: RegExp
  /** Reads the groups of the pattern. Returns null for a text that only looks like the format. */
  read(groups: string[]): HashAlgorithm | null
  prepare?: (password: string) => string
}

const bcrypt = /^\$2[aby]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z\d]{53}$/
const argon2id =
  /^\$argon2id\$(?:v=(\d{1,3})\$)?m=(\d{1,10}),t=(\d{1,10}),p=([1-9]\d{0,2})\$[A-Za-z\d+/]{11,86}\$[A-Za-z\d+/]{16,86}$/

/** Every format that is verified. The comment of each one names the programs that write it. */
const formats: readonly Format[] = [
  // This gateway; PHP ($2y$); Spring Security ({bcrypt}); Dovecot ({BLF-CRYPT}); Django's BCryptPasswordHasher.
  {
    pattern: within(/(?:\{bcrypt\}|\{BLF-CRYPT\}|bcrypt\$)?/, bcrypt),
    read: readBcrypt,
  },
  // Django's BCryptSHA256PasswordHasher.
  {
    pattern: within(/bcrypt_sha256\$/, bcrypt),
    read: readBcrypt,
    prepare: (password) => createHash('sha256').update(password).digest('hex'),
  },
  // WordPress 6.8 and later.
  {
    pattern: within(/\$wp/, bcrypt),
    read: readBcrypt,
    prepare: (password) => createHmac('sha384', 'wp-sha384').update(password).digest('base64'),
  },
  // This gateway; npm argon2 (other order, data); PHP; Keycloak (padded base64); Django (its name in front).
  {
    pattern:
      /^(?:argon2)?(\$(argon2(?:id|i|d))\$(?:v=(?:16|19)\$)?((?:[a-z]+=[\w+/]+=*,){2,4}[a-z]+=[\w+/]+=*)\$[A-Za-z\d+/]{11,86}={0,2}\$[A-Za-z\d+/]{16,86}={0,2})$/,
    read: readArgon2,
  },
  // Keycloak, as an import writes its credential; passlib, with its own base64 and without "i=".
  {
    pattern:
      /^\$pbkdf2(?:-(sha1|sha256|sha512))?\$(?:i=)?([1-9]\d{0,9})\$([A-Za-z\d+/.]{2,90}={0,2})\$([A-Za-z\d+/.]{22,90}={0,2})$/,
    read: ([digest, iterations, salt = '', key = '']) => ({
      name: 'pbkdf2',
      digest: (digest || 'sha1') as Digest,
      iterations: Number(iterations),
      salt: fromBase64(salt.replaceAll('.', '+')),
      key: fromBase64(key.replaceAll('.', '+')),
    }),
  },
  // Django's PBKDF2PasswordHasher and PBKDF2SHA1PasswordHasher.
  {
    pattern: /^pbkdf2_(sha1|sha256)\$([1-9]\d{0,9})\$([^$]{1,100})\$([A-Za-z\d+/]{22,90}={0,2})$/,
    read: ([digest, iterations, salt = '', key = '']) => ({
      name: 'pbkdf2',
      digest: digest as Digest,
      iterations: Number(iterations),
      salt: Buffer.from(salt),
      key: fromBase64(key),
    }),
  },
  // ASP.NET Identity, version 2: a zero, 16 bytes of salt, 32 bytes of key.
  {
    pattern: /^(A[A-P][A-Za-z\d+/]{63}[AQgw]==)$/,
    read: ([base64 = '']) => {
      const bytes = fromBase64(base64)
      return {
        name: 'pbkdf2',
        digest: 'sha1',
        iterations: 1000,
        salt: bytes.subarray(1, 17),
        key: bytes.subarray(17),
      }
    },
  },
  // ASP.NET Core Identity, version 3: a one, then function, iterations and length of the salt, then salt and key.
  { pattern: /^(AQAAAA[A-Za-z\d+/]{40,240}={0,2})$/, read: readAspNetCore },
  // Firebase, as Supabase writes it: memory cost, rounds, salt separator and signer key, then salt and hash.
  {
    pattern:
      /^\$fbscrypt\$v=1,n=([1-9]\d?),r=([1-9]\d{0,3}),p=([1-9]\d{0,2}),ss=([\w+/-]{0,12}={0,2}),sk=([\w+/-]{43,90}={0,2})\$([\w+/-]{2,90}={0,2})\$([\w+/-]{43,90}={0,2})$/,
    read: ([n, r, p, separator = '', signerKey = '', salt = '', key = '']) => ({
      name: 'scrypt',
      n: 2 ** Number(n),
      r: Number(r),
      p: Number(p),
      salt: Buffer.concat([fromBase64(salt), fromBase64(separator)]),
      key: fromBase64(key),
      signerKey: fromBase64(signerKey),
    }),
  },
  // better-auth, whose salt is the hexadecimal text.
  {
    pattern: /^([\da-f]{32}):([\da-f]{128})$/,
    read: ([salt = '', key = '']) => ({
      name: 'scrypt',
      n: 16_384,
      r: 16,
      p: 1,
      salt: Buffer.from(salt),
      key: Buffer.from(key, 'hex'),
    }),
    prepare: (password) => password.normalize('NFKC'),
  },
  // Django's ScryptPasswordHasher.
  {
    pattern:
      /^scrypt\$([1-9]\d{0,9})\$([^$]{1,64})\$([1-9]\d{0,4})\$([1-9]\d{0,4})\$([A-Za-z\d+/]{22,90}={0,2})$/,
    read: ([n, salt = '', r, p, key = '']) => ({
      name: 'scrypt',
      n: Number(n),
      r: Number(r),
      p: Number(p),
      salt: Buffer.from(salt),
      key: fromBase64(key),
    }),
  },
  // phpass: WordPress before 6.8 ($P$), phpBB 3 ($H$).
  {
    pattern: /^\$[PH]\$([5-9A-S])([./A-Za-z\d]{8})([./A-Za-z\d]{22})$/,
    read: ([rounds = '', salt = '', key = '']) => ({
      name: 'phpass',
      roundsLog2: cryptAlphabet.indexOf(rounds),
      salt,
      key,
    }),
  },
]

/** The digits of phpass, in the order of their values. */
export const cryptAlphabet = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

function asTyped(password: string): string {
  return password
}

/** Returns the pattern of a text in which `prefix` stands before the other format. */
function within(prefix: RegExp, format: RegExp): RegExp {
  return new RegExp(`^${prefix.source}(${format.source.slice(1, -1)})$`)
}

function fromBase64(text: string): Buffer {
  return Buffer.from(text, 'base64')
}

function readBcrypt([hash = '', cost]: string[]): HashAlgorithm {
  return { name: 'bcrypt', hash, cost: Number(cost) }
}

function readArgon2([text = '', type = '', list = '']: string[]): HashAlgorithm | null {
  const pairs = list.split(',').map((pair) => pair.split(/=(.*)/))
  const { m = '', t = '', p = '', keyid, data, ...others } = Object.fromEntries(pairs)
  const names = new Set(pairs.map(([name]) => name))
  if (names.size !== pairs.length || Object.keys(others).length > 0) return null
  if (![m, t, p].every((number) => /^[1-9]\d{0,9}$/.test(number))) return null
  // The library takes the parameters in any order, and no padding.
  const hash = text.replace(/=+(?=[$,]|$)/g, '')
  return { name: 'argon2', hash, type, memory: Number(m), passes: Number(t), lanes: Number(p) }
}

function readAspNetCore([base64 = '']: string[]): HashAlgorithm | null {
  const bytes = fromBase64(base64)
  const digest = (['sha1', 'sha256', 'sha512'] as const)[bytes.readUInt32BE(1)]
  const start = 13 + bytes.readUInt32BE(9)
  if (digest === undefined || bytes.length < start + 16) return null
  return {
    name: 'pbkdf2',
    digest,
    iterations: bytes.readUInt32BE(5),
    salt: bytes.subarray(13, start),
    key: bytes.subarray(start),
  }
}

/** Reads a stored hash. Returns null for a text of no known format. */
export function readHash(text: string): StoredHash | null {
  // The column has 255 characters.
  if (text.length > 255) return null
  for (const { pattern, read, prepare = asTyped } of formats) {
    const groups = pattern.exec(text)?.slice(1)
    const algorithm = groups ? read(groups) : null
    if (algorithm) return { algorithm, prepare }
  }
  return null
}

/**
 * The maximum costs of a stored hash. One verification takes at most about three seconds and 128 MiB, and every common
 * program stays below.
 */
const maxCosts = {
  bcrypt: 15,
  memoryMiB: 128,
  passes: 16,
  lanes: 16,
  iterations: 2_000_000,
  scryptWork: 2 ** 22,
  phpassRoundsLog2: 16,
}

/** Returns true for a hash of a known format, of any cost. */
export function isPasswordHash(text: string): boolean {
  return readHash(text) !== null
}

/** Returns the cost for which the gateway does not verify a hash, as text; null for a bounded cost. */
export function findExcessiveCost(hash: string): string | null {
  const algorithm = readHash(hash)?.algorithm
  const excess = algorithm && costsOf(algorithm).find(({ cost, max }) => cost > max)
  return excess ? `${excess.name}${excess.cost}, at most ${excess.max}` : null
}

type Cost = { name: string; cost: number; max: number }

function costsOf(algorithm: HashAlgorithm): Cost[] {
  switch (algorithm.name) {
    case 'bcrypt':
      return [{ name: 'bcrypt cost ', cost: algorithm.cost, max: maxCosts.bcrypt }]
    case 'argon2':
      return [
        { name: `${algorithm.type} m=`, cost: algorithm.memory, max: maxCosts.memoryMiB * 1024 },
        { name: `${algorithm.type} t=`, cost: algorithm.passes, max: maxCosts.passes },
        { name: `${algorithm.type} p=`, cost: algorithm.lanes, max: maxCosts.lanes },
      ]
    case 'pbkdf2':
      return [{ name: 'PBKDF2 iterations ', cost: algorithm.iterations, max: maxCosts.iterations }]
    case 'scrypt': {
      const { n, r, p } = algorithm
      return [
        { name: 'scrypt MiB ', cost: Math.ceil((n * r * 128) / 2 ** 20), max: maxCosts.memoryMiB },
        { name: 'scrypt N·r·p ', cost: n * r * p, max: maxCosts.scryptWork },
      ]
    }
    case 'phpass':
      return [{ name: 'phpass rounds 2^', cost: algorithm.roundsLog2, max: maxCosts.phpassRoundsLog2 }]
  }
}

/** Returns true for a hash that the gateway verifies. Any other text matches no password. */
export function isUsableHash(text: string): boolean {
  return isPasswordHash(text) && findExcessiveCost(text) === null
}

/** Returns true for a hash as the gateway writes it, of any cost. */
export function isOwnFormat(text: string): boolean {
  return bcrypt.test(text) || argon2id.test(text)
}

/** The minimum cost of an argon2id hash: KiB of memory, and passes over it. */
export type Argon2Cost = { memoryCost: number; timeCost: number }

/** Returns the cost of a bcrypt hash without a prefix; null for any other hash. */
export function bcryptCostOf(hash: string): number | null {
  const cost = bcrypt.exec(hash)?.[1]
  return cost === undefined ? null : Number(cost)
}

/** Returns true for an argon2id hash of version 19 with at least this cost, as the gateway writes it. */
export function isArgon2Of(hash: string, { memoryCost, timeCost }: Argon2Cost): boolean {
  const [, version, memory, time] = argon2id.exec(hash) ?? []
  return version === '19' && Number(memory) >= memoryCost && Number(time) >= timeCost
}
