import { createHmac } from 'node:crypto'
import type { RateLimiterAbstract } from 'rate-limiter-flexible'
import { GatewayError } from '../errors.ts'
import type { EventName } from '../events.ts'
import { addressKey } from '../http/ip-address.ts'

/** How often something may happen: `points` times within `seconds` of the first. */
export type Limit = { points: number; seconds: number }

export type LimitSettings = {
  /** Failed logins of one account from one address. */
  login: Limit
  /** Failed logins of one account from anywhere; after these, one at a time with a growing delay. */
  account: Limit
  /** Failed logins from one address. */
  address: Limit
  /** Per address. */
  signup: Limit
  refresh: Limit
  callback: Limit
}

/** Makes the counter behind one limit. `prefix` keeps the limits of one store apart. */
export type CreateLimiter = (prefix: string, limit: Limit) => RateLimiterAbstract

/** An attempt that has been counted. */
export type Attempt = {
  /** It was a success: what was counted for the account is forgotten, the address gets its point back. */
  succeeded(): Promise<void>
  /** It came to nothing: it was as if it had not been made. */
  cancelled(): Promise<void>
}

export type Limits = ReturnType<typeof createLimits>

// In seconds.
const longestDelay = 300

/**
 * The limits against guessing and flooding. Every attempt is counted before its work is done, so that a burst of
 * attempts at once passes no further than one after another. A refusal is the error `rate_limited` with `Retry-After`.
 * Counters are kept under an HMAC of names and addresses with `key`: people type passwords where names belong.
 */
export function createLimits(createLimiter: CreateLimiter, settings: LimitSettings, key: Uint8Array) {
  const nameOf = (...parts: string[]) =>
    createHmac('sha256', key).update(JSON.stringify(parts)).digest('base64url')
  const perAddress = (limit: keyof LimitSettings) => {
    const limiter = createLimiter(limit, settings[limit])
    return async (address: string): Promise<void> =>
      void (await take(limiter, nameOf(addressKey(address)), 'request.limited'))
  }
  const ofPair = createLimiter('login', settings.login)
  const ofAddress = createLimiter('address', settings.address)
  const ofAccount = createLimiter('account', { ...settings.account, points: 2 ** 31 - 1 })
  const gate = createLimiter('gate', { points: 1, seconds: longestDelay })

  /** Once an account has failed too often, only one attempt may pass in a delay that grows with `failures`. */
  async function waitInLine(account: string, failures: number): Promise<Taken[]> {
    const over = failures - settings.account.points
    if (over <= 0) return []
    const delay = Math.min(2 ** Math.min(over - 1, 30), longestDelay)
    return [await take(gate, account, 'login.limited', delay)]
  }

  return {
    /** Counts an attempt to log in as `username`, as a failure until it is known to be none. */
    login: async (username: string, address: string): Promise<Attempt> => {
      const account = nameOf(accountKey(username))
      const client = nameOf(addressKey(address))
      const outcomes = await Promise.allSettled([
        take(ofAddress, client, 'login.limited'),
        take(ofPair, nameOf(account, client), 'login.limited'),
        take(ofAccount, account, 'login.limited'),
      ])
      const held = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
      const cancelled = async () => void (await Promise.all(held.map(giveBack)))
      try {
        for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
        // Last, because a turn that has been taken keeps everybody else waiting.
        held.push(...(await waitInLine(account, held.at(-1)?.points ?? 0)))
      } catch (error) {
        await cancelled()
        throw error
      }
      const [ofClient, ...accounts] = held
      return {
        succeeded: async () =>
          void (await Promise.all([
            ofClient && giveBack(ofClient),
            ...accounts.map(({ limiter, name }) => limiter.delete(name)),
          ])),
        cancelled,
      }
    },
    /** Each counts one request of an address. */
    signup: perAddress('signup'),
    refresh: perAddress('refresh'),
    callback: perAddress('callback'),
  }
}

/** A point that an attempt has taken; `points` are all that are counted there, with it. */
type Taken = { limiter: RateLimiterAbstract; name: string; points: number }

/** What has no points any more is removed: attempts that come to nothing must not fill the memory with zeros. */
async function giveBack({ limiter, name }: Taken): Promise<void> {
  const { consumedPoints } = await limiter.reward(name)
  if (consumedPoints <= 0) await limiter.delete(name)
}

async function take(
  limiter: RateLimiterAbstract,
  name: string,
  event: EventName,
  seconds?: number,
): Promise<Taken> {
  try {
    const options = seconds === undefined ? {} : { customDuration: seconds }
    const { consumedPoints: points } = await limiter.consume(name, 1, options)
    return { limiter, name, points }
  } catch (refusal) {
    if (refusal instanceof Error) throw refusal
    const { msBeforeNext } = refusal as { msBeforeNext: number }
    const retryAfter = Math.max(1, Math.ceil(msBeforeNext / 1000))
    throw new GatewayError('rate_limited', {
      event,
      detail: `Try again in ${retryAfter} seconds`,
      headers: { 'Retry-After': String(retryAfter) },
    })
  }
}

/**
 * What counts as one account, for whatever somebody types as a username. Coarser than the database, which knows users
 * without regard to case in its own way: two spellings of one user are always one account here, and users whose names
 * differ in accents alone share their limits.
 */
export function accountKey(username: string): string {
  const bare = username.normalize('NFKD').replace(/\p{M}/gu, '')
  // There and back: İ and ı, ς and σ, ß and SS are the same in capitals.
  return bare.toUpperCase().normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().replaceAll('ς', 'σ')
}
