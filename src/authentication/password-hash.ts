import { randomBytes } from 'node:crypto'
import { hash as argon2Hash } from '@node-rs/argon2'
import bcrypt from 'bcrypt'
import { addressKey, networkKey } from '../http/ip-address.ts'
import { createFairQueue } from '../limits/fair-queue.ts'
import { bcryptCostOf, isArgon2Of, isOwnFormat, isUsableHash, readHash } from './password-hash-format.ts'
import { verifyHash } from './verify-hash.ts'

export type PasswordHashSettings = {
  passwordHash: 'bcrypt' | 'argon2id'
  bcryptCost: number
  /** The maximum of hashes that are computed at once. More hashes than cores delay all other work. */
  concurrency: number
  /** The maximum of waiting hashes. Another one is rejected with `overloaded`. */
  hashQueue: number
  /** The maximum of running and waiting hashes of one client. Another one is rejected with `overloaded`. */
  hashPerAddress: number
  /** The maximum wait of a hash in seconds. Afterwards it is rejected with `overloaded`. */
  hashWait: number
}

export type PasswordHashes = ReturnType<typeof createPasswordHashes>

// 2 is argon2id; the package's enum has no value at run time.
const argon2Options = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const

/**
 * Creates the hashing of passwords. New hashes are bcrypt or argon2id (19 MiB, 2 passes, 1 lane), always argon2id for a
 * password that bcrypt would cut; existing hashes may be of any format that `readHash` knows. One queue limits the work in
 * the thread pool, which also signs the tokens of all other requests. Clients take turns in it, by their network (/24,
 * /48) and in it by their address (IPv6 by /64).
 */
export function createPasswordHashes({
  passwordHash,
  bcryptCost,
  concurrency,
  hashQueue,
  hashPerAddress,
  hashWait,
}: PasswordHashSettings) {
  const queue = createFairQueue({
    concurrency,
    capacity: hashQueue,
    perKey: hashPerAddress,
    wait: hashWait,
  })
  const gate = <T>(address: string, work: () => Promise<T>): Promise<T> =>
    queue.run([networkKey(address), addressKey(address)], work)
  const decoy = passwordHash === 'bcrypt' ? bcryptDecoy(bcryptCost) : argon2Decoy()
  /** Returns true when a hash may be cheaper to verify than a hash of today's settings. */
  const isCheaper = (hash: string): boolean =>
    passwordHash === 'bcrypt' ? (bcryptCostOf(hash) ?? 0) < bcryptCost : !isArgon2Of(hash, argon2Options)
  /** Returns the format of a new hash of the password. */
  const formatFor = (password: string): 'bcrypt' | 'argon2id' =>
    passwordHash === 'argon2id' || isCut(password) ? 'argon2id' : 'bcrypt'
  return {
    /** Hashes a password with the current settings, for a client at this address. */
    hash: (password: string, address: string): Promise<string> =>
      gate(address, () =>
        formatFor(password) === 'bcrypt'
          ? bcrypt.hash(normalize(password), bcryptCost)
          : argon2Hash(normalize(password), argon2Options),
      ),

    /**
     * Returns true when the password matches the hash. A wrong password always costs at least one verification at
     * today's settings, also when the user has no hash or an unusable one. The whole work takes one turn of the address
     * in the queue.
     */
    verify: async (password: string, hash: string | null, address: string): Promise<boolean> => {
      const known = hash !== null && isUsableHash(hash) ? hash : null
      const spellings = spellingsOf(password)
      return gate(address, async () => {
        // Treats an unparsable hash like a missing one.
        const matches = known && (await matchesAny(spellings, known).catch(() => null))
        if (known === null || matches === null || (!matches && isCheaper(known)))
          await matchesAny(spellings, decoy)
        return matches === true
      })
    },

    /**
     * Returns true when `hash` would make a stronger hash of the password, which has just matched, or when another
     * program's format is to be replaced. A bcrypt hash is weak for a password that bcrypt has not read to its end: the
     * new hash fits the whole text only.
     */
    isWeak: (hash: string, password: string): boolean =>
      formatFor(password) === 'bcrypt'
        ? !isOwnFormat(hash) || (bcryptCostOf(hash) ?? Number.POSITIVE_INFINITY) < bcryptCost
        : !isArgon2Of(hash, argon2Options),

    /** Returns the numbers of running and waiting hashes. */
    load: queue.load,
  }
}

/** Returns the password in NFC, because systems compose the same characters differently. */
function normalize(password: string): string {
  return password.normalize('NFC')
}

/** Returns the password in NFC and as it was typed. Imported hashes may be of the typed form. */
function spellingsOf(password: string): string[] {
  return [...new Set([normalize(password), password])]
}

async function matchesAny(spellings: readonly string[], hash: string): Promise<boolean> {
  const stored = readHash(hash)
  for (const spelling of spellings) if (stored && (await verifyHash(spelling, stored))) return true
  return false
}

/** Returns true when bcrypt, which ignores everything after 72 bytes, would read only a part of the password. */
function isCut(password: string): boolean {
  return spellingsOf(password).some((spelling) => Buffer.byteLength(spelling) > 72)
}

function bcryptDecoy(cost: number): string {
  return bcrypt.genSaltSync(cost, 'b') + randomBytes(32).toString('hex').slice(0, 31)
}

function argon2Decoy(): string {
  const base64 = (bytes: number) => randomBytes(bytes).toString('base64').replaceAll('=', '')
  const { memoryCost, timeCost, parallelism } = argon2Options
  return `$argon2id$v=19$m=${memoryCost},t=${timeCost},p=${parallelism}$${base64(16)}$${base64(32)}`
}

/** Returns the number of cores that each of several workers may use: at least one. */
export function shareOfCores(cores: number, workers: number): number {
  return Math.max(1, Math.floor(cores / workers))
}
