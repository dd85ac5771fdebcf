import { randomBytes } from 'node:crypto'
import { hash as argon2Hash, verify as argon2Verify } from '@node-rs/argon2'
import bcrypt from 'bcrypt'
import pLimit from 'p-limit'
import { GatewayError } from '../errors.ts'
import { bcryptCostOf, isArgon2Of, isPasswordHash } from './password-hash-format.ts'

export type PasswordHashSettings = {
  passwordHash: 'bcrypt' | 'argon2id'
  bcryptCost: number
  /** How many hashes may be computed at once; more than there are cores only makes everything else wait. */
  concurrency: number
  /** How many more may wait before the next is refused with `overloaded`. */
  hashQueue: number
  /** Seconds that one may wait before it is refused with `overloaded`. */
  hashWait: number
}

export type PasswordHashes = ReturnType<typeof createPasswordHashes>

// 2 is argon2id; the package's enum has no value at run time.
const argon2Options = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const

/**
 * Hashes and verifies passwords: bcrypt or argon2id (19 MiB, 2 passes, 1 lane) for new ones, either for existing ones.
 * All work goes through one gate in front of the thread pool, because the RSA work of every other request would
 * otherwise wait behind it.
 */
export function createPasswordHashes({
  passwordHash,
  bcryptCost,
  concurrency,
  hashQueue,
  hashWait,
}: PasswordHashSettings) {
  const limit = pLimit(concurrency)
  const gate = <T>(work: () => Promise<T>): Promise<T> => {
    if (limit.activeCount + limit.pendingCount >= concurrency + hashQueue) return Promise.reject(overloaded())
    const came = performance.now()
    // First come, first served; whoever has waited too long when their turn comes is refused, and costs no work.
    return limit(() => (performance.now() - came > hashWait * 1000 ? Promise.reject(overloaded()) : work()))
  }
  const decoy = passwordHash === 'bcrypt' ? bcryptDecoy(bcryptCost) : argon2Decoy()
  /** Whether verifying a hash may be less work than verifying one that is made today. */
  const isCheaper = (hash: string): boolean =>
    passwordHash === 'bcrypt' ? (bcryptCostOf(hash) ?? 0) < bcryptCost : !isArgon2Of(hash, argon2Options)
  return {
    /** Hashes a password with the current settings. */
    hash: (password: string): Promise<string> =>
      gate(() =>
        passwordHash === 'bcrypt'
          ? bcrypt.hash(normalize(password), bcryptCost)
          : argon2Hash(normalize(password), argon2Options),
      ),

    /**
     * Whether the password is that of the hash. A no never takes less work than for somebody without a hash, for whom it
     * is that of verifying one that is made today; all of it is done in one turn at the gate.
     */
    verify: async (password: string, hash: string | null): Promise<boolean> => {
      const known = hash !== null && isPasswordHash(hash) ? hash : null
      const spellings = spellingsOf(password)
      return gate(async () => {
        // Null also for what looks like a hash and cannot be read.
        const matches = known && (await matchesAny(spellings, known).catch(() => null))
        if (known === null || matches === null || (!matches && isCheaper(known)))
          await matchesAny(spellings, decoy)
        return matches === true
      })
    },

    /** Whether a hash is weaker than what `hash` would make of the password that it has just matched. */
    isWeak: (hash: string, password: string): boolean =>
      passwordHash === 'bcrypt'
        ? (bcryptCostOf(hash) ?? Number.POSITIVE_INFINITY) < bcryptCost
        : !isArgon2Of(hash, argon2Options) && !isCut(hash, password),

    /** How many passwords are being hashed at this moment, and how many wait. */
    load: () => ({ running: limit.activeCount, waiting: limit.pendingCount }),
  }
}

function overloaded(): GatewayError {
  return new GatewayError('overloaded', { headers: { 'Retry-After': '5' } })
}

/** The same password typed on another system may arrive composed differently. */
function normalize(password: string): string {
  return password.normalize('NFC')
}

/** Hashes that others made, of a password as it was typed, know nothing of the one composition that ours are made of. */
function spellingsOf(password: string): string[] {
  return [...new Set([normalize(password), password])]
}

async function matchesAny(spellings: readonly string[], hash: string): Promise<boolean> {
  for (const spelling of spellings) if (await verifyHash(spelling, hash)) return true
  return false
}

async function verifyHash(password: string, hash: string): Promise<boolean> {
  if (hash.startsWith('$argon2id$')) return argon2Verify(hash, password)
  // The same algorithm under other names: PHP's, and the one of which bcrypt counts a long password's length wrongly.
  return bcrypt.compare(password, hash.replace(/^\$2[ay]\$/, '$2b$'))
}

/** What bcrypt has not read has not been verified either: with a slip there, a new hash would be that of the slip. */
function isCut(hash: string, password: string): boolean {
  return hash.startsWith('$2') && spellingsOf(password).some((spelling) => Buffer.byteLength(spelling) > 72)
}

function bcryptDecoy(cost: number): string {
  return bcrypt.genSaltSync(cost, 'b') + randomBytes(32).toString('hex').slice(0, 31)
}

function argon2Decoy(): string {
  const base64 = (bytes: number) => randomBytes(bytes).toString('base64').replaceAll('=', '')
  const { memoryCost, timeCost, parallelism } = argon2Options
  return `$argon2id$v=19$m=${memoryCost},t=${timeCost},p=${parallelism}$${base64(16)}$${base64(32)}`
}

/** Returns the number of cores that each of several workers may use: at least one, and no more than all together have. */
export function shareOfCores(cores: number, workers: number): number {
  return Math.max(1, Math.floor(cores / workers))
}
