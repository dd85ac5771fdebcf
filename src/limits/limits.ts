import { createHmac } from 'node:crypto'
import type { RateLimiterAbstract } from 'rate-limiter-flexible'
import { GatewayError } from '../errors.ts'
import type { EventName } from '../observability/events.ts'
import { addressKey } from './address-key.ts'

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
      consume(limiter, nameOf(addressKey(address)), 'request.limited')
  }
  const ofPair = createLimiter('login', settings.login)
  const ofAddress = createLimiter('address', settings.address)
  const ofAccount = createLimiter('account', { ...settings.account, points: 2 ** 31 - 1 })
  const gate = createLimiter('gate', { points: 1, seconds: longestDelay })

  /** Counts a failure of the account; once there are too many, only one attempt may pass in a growing delay. */
  async function takeAccount(account: string): Promise<void> {
    const { consumedPoints } = await ofAccount.consume(account)
    const over = consumedPoints - settings.account.points
    if (over <= 0) return
    const delay = Math.min(2 ** Math.min(over - 1, 30), longestDelay)
    try {
      await consume(gate, account, 'login.limited', delay)
    } catch (error) {
      await ofAccount.reward(account)
      throw error
    }
  }

  return {
    /** Counts an attempt to log in as `username`, as a failure until it is known to be none. */
    login: async (username: string, address: string): Promise<Attempt> => {
      const account = nameOf(username.normalize('NFKC').toLowerCase().normalize('NFKC'))
      const client = nameOf(addressKey(address))
      const pair = nameOf(account, client)
      await consume(ofAddress, client, 'login.limited')
      const taken = await Promise.allSettled([consume(ofPair, pair, 'login.limited'), takeAccount(account)])
      const refusal = taken.find((result) => result.status === 'rejected')
      if (refusal) {
        const [isPair, isAccount] = taken.map(({ status }) => status === 'fulfilled')
        await Promise.all([
          ofAddress.reward(client),
          isPair && ofPair.reward(pair),
          isAccount && ofAccount.reward(account),
        ])
        throw refusal.reason
      }
      return {
        succeeded: async () =>
          void (await Promise.all([
            ofAddress.reward(client),
            ofPair.delete(pair),
            ofAccount.delete(account),
            gate.delete(account),
          ])),
        cancelled: async () =>
          void (await Promise.all([
            ofAddress.reward(client),
            ofPair.reward(pair),
            ofAccount.reward(account),
          ])),
      }
    },
    /** Each counts one request of an address. */
    signup: perAddress('signup'),
    refresh: perAddress('refresh'),
    callback: perAddress('callback'),
  }
}

async function consume(
  limiter: RateLimiterAbstract,
  name: string,
  event: EventName,
  seconds?: number,
): Promise<void> {
  try {
    await limiter.consume(name, 1, seconds === undefined ? {} : { customDuration: seconds })
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
