import { randomBytes } from 'node:crypto'
import { addressKey, networkKey } from '../http/ip-address.ts'
import { createFairQueue } from '../limits/fair-queue.ts'
import type { HashThreads } from './hash-threads.ts'
import { bcryptCostOf, isArgon2Of, isOwnFormat, isUsableHash } from './password-hash-format.ts'

export type PasswordHashSettings = {
  passwordHash: 'bcrypt' | 'argon2id'
  bcryptCost: number
  /** The threads that compute; their number is the maximum of hashes at once. */
  threads: HashThreads
  /** The maximum of waiting hashes. Another one is rejected with `overloaded`. */
  hashQueue: number
  /** The maximum of running and waiting hashes of one client. Another one is rejected with `overloaded`. */
  hashPerAddress: number
  /** The maximum wait of a hash in seconds. Afterwards it is rejected with `overloaded`. */
  hashWait: number
}

export type PasswordHashes = ReturnType<typeof createPasswordHashes>

const argon2Cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/**
 * Creates the hashing of passwords. New hashes are bcrypt or argon2id (19 MiB, 2 passes, 1 lane), always argon2id for a
 * password that bcrypt would cut; existing hashes may be of any format that `readHash` knows. One queue limits the
 * hashes that are computed at once. Clients take turns in it, by their network (/24, /48) and in it by their address
 * (IPv6 by /64).
 */
export function createPasswordHashes({
  passwordHash,
  bcryptCost,
  threads,
  hashQueue,
  hashPerAddress,
  hashWait,
}: PasswordHashSettings) {
  const queue = createFairQueue({
    concurrency: threads.size,
    capacity: hashQueue,
    perKey: hashPerAddress,
    wait: hashWait,
  })
  const gate = <T>(address: string, work: () => Promise<T>): Promise<T> =>
    queue.run([networkKey(address), addressKey(address)], work)
  const decoy = passwordHash === 'bcrypt' ? bcryptDecoy(bcryptCost) : argon2Decoy()
  /** Returns true when a hash may be cheaper to verify than a hash of today's settings. */
  const isCheaper = (hash: string): boolean =>
    passwordHash === 'bcrypt' ? (bcryptCostOf(hash) ?? 0) < bcryptCost : !isArgon2Of(hash, argon2Cost)
  /** Returns the format of a new hash of the password. */
  const formatFor = (password: string): 'bcrypt' | 'argon2id' =>
    passwordHash === 'argon2id' || isCut(password) ? 'argon2id' : 'bcrypt'

  /** Returns true when one of the spellings matches; null for a hash that cannot be read. */
  async function matchesAny(spellings: readonly string[], hash: string): Promise<boolean | null> {
    for (const password of spellings) {
      const matches = await threads.compute({ kind: 'verify', password, hash })
      if (matches !== false) return matches === null ? null : true
    }
    return false
  }

  return {
    /** Hashes a password with the current settings, for a client at this address. */
    hash: (password: string, address: string): Promise<string> =>
      gate(address, async () => {
        const task = { password: normalize(password) }
        const hash = await threads.compute(
          formatFor(password) === 'bcrypt'
            ? { ...task, kind: 'new bcrypt', cost: bcryptCost }
            : { ...task, kind: 'new argon2id', cost: argon2Cost },
        )
        return String(hash)
      }),

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
        const matches = known && (await matchesAny(spellings, known))
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
        : !isArgon2Of(hash, argon2Cost),

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

/** Returns true when bcrypt, which ignores everything after 72 bytes, would read only a part of the password. */
function isCut(password: string): boolean {
  return spellingsOf(password).some((spelling) => Buffer.byteLength(spelling) > 72)
}

function bcryptDecoy(cost: number): string {
  return `$2b$${String(cost).padStart(2, '0')}$${randomBytes(32).toString('hex').slice(0, 53)}`
}

function argon2Decoy(): string {
  const base64 = (bytes: number) => randomBytes(bytes).toString('base64').replaceAll('=', '')
  const { memoryCost, timeCost, parallelism } = argon2Cost
  return `$argon2id$v=19$m=${memoryCost},t=${timeCost},p=${parallelism}$${base64(16)}$${base64(32)}`
}
