import { createHmac } from 'node:crypto'
import type { RateLimiterAbstract } from 'rate-limiter-flexible'
import { GatewayError } from '../errors.ts'
import type { EventName } from '../events.ts'
import { addressKey } from '../http/ip-address.ts'

/** A limit of `points` attempts within `seconds` of the first attempt. */
export type Limit = { points: number; seconds: number }

export type LimitSettings = {
  /** Failed logins of one account from one address. */
  login: Limit
  /** Failed logins of one account from all addresses; further logins pass one at a time, with a growing delay. */
  account: Limit
  /** Failed logins from one address. */
  address: Limit
  /** Sign-ups from one address. */
  signup: Limit
  /** Refreshes from one address. */
  refresh: Limit
  /** Callbacks from one address. */
  callback: Limit
}

/** Creates the counter of a limit. `prefix` separates the limits of one store. */
export type CreateLimiter = (prefix: string, limit: Limit) => RateLimiterAbstract

/** A counted attempt. */
export type Attempt = {
  /** Ends the attempt as a success: resets the counters of the account, and returns the point of the address. */
  succeeded(): Promise<void>
  /** Ends the attempt as neither success nor failure: returns all its points. */
  cancelled(): Promise<void>
}

export type Limits = ReturnType<typeof createLimits>

// In seconds.
const longestDelay = 300

/**
 * Creates the limits against guessing and flooding. An attempt is counted before its work, so concurrent attempts get
 * no further than consecutive ones. Throws `rate_limited` with `Retry-After`. The keys of counters are HMACs of
 * usernames and addresses with `key`, because users type passwords into the field of the username.
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

  /** Admits one attempt per delay after too many failures of an account. The delay grows with `failures`. */
  async function waitInLine(account: string, failures: number): Promise<Taken[]> {
    const over = failures - settings.account.points
    if (over <= 0) return []
    const delay = Math.min(2 ** Math.min(over - 1, 30), longestDelay)
    return [await take(gate, account, 'login.limited', delay)]
  }

  return {
    /** Counts a login as `username`. It counts as a failure until it ends otherwise. */
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
        // Last, because a taken turn delays all other attempts.
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
    // Each counts one request of an address.
    signup: perAddress('signup'),
    refresh: perAddress('refresh'),
    callback: perAddress('callback'),
  }
}

/** A point of an attempt; `points` is the count of the limit, including this point. */
type Taken = { limiter: RateLimiterAbstract; name: string; points: number }

/** Returns a point, and removes a counter without points, so that zeros do not fill the memory. */
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
 * Returns the key of an account for a typed username. It ignores case and accents, more than the database does: all
 * spellings of a user have one key, and users whose names differ only in accents share their limits.
 */
export function accountKey(username: string): string {
  const bare = username.normalize('NFKD').replace(/\p{M}/gu, '')
  // Upper case makes İ and ı, ς and σ, ß and SS equal.
  return bare.toUpperCase().normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().replaceAll('ς', 'σ')
}
