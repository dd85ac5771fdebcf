import { createHmac } from 'node:crypto'
import type { RateLimiterAbstract } from 'rate-limiter-flexible'
import { GatewayError } from '../errors.ts'
import type { EventName } from '../events.ts'
import { addressKey, networkKey } from '../http/ip-address.ts'

/** A limit of `points` attempts within `seconds` of the first attempt. */
export type Limit = { points: number; seconds: number }

export type LimitSettings = {
  /** Failed logins of one account from one address. */
  login: Limit
  /** Failed logins of one account from all addresses; afterwards the account is slowed down. */
  account: Limit
  /** Failed logins from one address. */
  address: Limit
  /** Sign-ups from one address. */
  signup: Limit
  /** Refreshes from one address. */
  refresh: Limit
  /** Callbacks from one address. */
  callback: Limit
  /** Sessions for apps that a user begins on the pages without a new sign-in. */
  continue: Limit
}

/** Creates the counter of a limit. `prefix` separates the limits of one store. */
export type CreateLimiter = (prefix: string, limit: Limit) => RateLimiterAbstract

/** A counted attempt. */
export type Attempt = {
  /**
   * Ends the attempt as a success: resets the counters of the account, unless another user shares them, and returns the
   * point of the address.
   */
  succeeded(): Promise<void>
  /** Ends the attempt as neither success nor failure: returns all its points. */
  cancelled(): Promise<void>
}

export type Limits = ReturnType<typeof createLimits>

// In seconds.
const longestDelay = 300

// A network may fail ten times as often as one of its addresses.
const addressesOfNetwork = 10
// Attempts of addresses without a failure, in each window of an account that is slowed down: from one network, and as a
// multiple of the account's limit.
const freshOfNetwork = 10
const freshOfAccount = 2
// An address that has failed less often has a turn of its own at an account that is slowed down.
const fewFailures = 2

/**
 * Creates the limits against guessing and flooding. An attempt is counted before its work, so concurrent attempts get
 * no further than consecutive ones. Throws `rate_limited` with `Retry-After`. The keys of counters are HMACs of
 * usernames and addresses with `key`, because users type passwords into the field of the username.
 */
export function createLimits(createLimiter: CreateLimiter, settings: LimitSettings, key: Uint8Array) {
  const nameOf = (...parts: string[]) =>
    createHmac('sha256', key).update(JSON.stringify(parts)).digest('base64url')
  const perAddress = (limit: 'signup' | 'refresh' | 'callback') => {
    const limiter = createLimiter(limit, settings[limit])
    return async (address: string): Promise<void> =>
      void (await take(limiter, nameOf(addressKey(address)), 'request.limited'))
  }
  const { points: ofAccount, seconds } = settings.account
  const counter = { points: 2 ** 31 - 1, seconds }
  const limiters = {
    address: createLimiter('address', settings.address),
    network: createLimiter('network', {
      points: settings.address.points * addressesOfNetwork,
      seconds: settings.address.seconds,
    }),
    pair: createLimiter('login', settings.login),
    device: createLimiter('device', settings.login),
    // The failures of all devices of one user.
    devices: createLimiter('devices', counter),
    // The failures of an account: from everywhere, from one network, and from one address.
    account: createLimiter('account', counter),
    accountNetwork: createLimiter('account-network', counter),
    accountAddress: createLimiter('account-address', counter),
    // The failures of one user, of all users that share the limits of an account.
    spelling: createLimiter('spelling', counter),
    fresh: createLimiter('fresh', { points: ofAccount * freshOfAccount, seconds }),
    freshNetwork: createLimiter('fresh-network', { points: freshOfNetwork, seconds }),
    continue: createLimiter('continue', settings.continue),
    gate: createLimiter('gate', { points: 1, seconds: longestDelay }),
  }

  // The others also count failures at other accounts or of other addresses.
  const forgottenBySuccess: RateLimiterAbstract[] = [
    limiters.pair,
    limiters.account,
    limiters.accountAddress,
    limiters.spelling,
    limiters.gate,
  ]

  /** Takes several points, or none. Throws the first refusal. */
  async function takeAll(wanted: readonly Promise<Taken>[]): Promise<Taken[]> {
    const outcomes = await Promise.allSettled(wanted)
    const held = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    const refused = outcomes.find((outcome) => outcome.status === 'rejected')
    if (!refused) return held
    await giveBackAll(held)
    throw refused.reason
  }

  /**
   * Admits an attempt at an account that is slowed down. An address without a failure passes while there are few of
   * them. All others pass one at a time, with a delay that grows with the failures that are `over` the limit.
   */
  async function waitInLine(account: string, network: string, own: number, over: number): Promise<Taken[]> {
    if (own === 1) {
      const fresh = [
        take(limiters.fresh, account, 'login.limited'),
        take(limiters.freshNetwork, nameOf(account, network), 'login.limited'),
      ]
      const taken = await takeAll(fresh).catch(noneWhenLimited)
      if (taken !== null) return taken
    }
    const delay = Math.min(2 ** Math.min(over - 1, 30), longestDelay)
    const line = own <= fewFailures ? 'few' : 'many'
    return [await take(limiters.gate, nameOf(account, line), 'login.limited', delay)]
  }

  return {
    /**
     * Counts a login as `username`. It counts as a failure until it ends otherwise. A `device`, from which this user has
     * signed in before, has a counter of its own, which no other client can use up. All devices of a user together may
     * fail as often as the account: a client that knew the password for a while has any number of devices.
     */
    login: async (username: string, address: string, device?: string): Promise<Attempt> => {
      const account = nameOf(accountKey(username))
      if (device !== undefined) {
        const held = await takeAll([
          take(limiters.device, nameOf(account, device), 'login.limited'),
          take(limiters.devices, nameOf(spellingKey(username)), 'login.limited'),
        ])
        const [own, ofAll] = [held.slice(0, 1), held.slice(1)]
        if (ofAll.every(({ points }) => points <= ofAccount))
          return {
            succeeded: async () => void (await Promise.all([forget(own), giveBackAll(ofAll)])),
            cancelled: async () => void (await giveBackAll(held)),
          }
        await giveBackAll(held)
      }
      const client = nameOf(addressKey(address))
      const network = nameOf(networkKey(address))
      const held = await takeAll([
        take(limiters.address, client, 'login.limited'),
        take(limiters.network, network, 'login.limited'),
        take(limiters.accountNetwork, nameOf(account, network), 'login.limited'),
        take(limiters.accountAddress, nameOf(account, client), 'login.limited'),
        take(limiters.account, account, 'login.limited'),
        take(limiters.pair, nameOf(account, client), 'login.limited'),
        take(limiters.spelling, nameOf(spellingKey(username)), 'login.limited'),
      ])
      try {
        const [, , fromNetwork, own, fromAll] = held.map(({ points }) => points)
        // A network alone cannot use up the limit of an account.
        const over = Math.max(Number(fromAll) - ofAccount, Number(fromNetwork) - Math.ceil(ofAccount / 2))
        // Last, because a taken turn delays all other attempts.
        if (over > 0) held.push(...(await waitInLine(account, network, Number(own), over)))
      } catch (error) {
        await giveBackAll(held)
        throw error
      }
      return {
        succeeded: async () => {
          const left = await giveBackAll(held)
          const failures = (limiter: RateLimiterAbstract) =>
            left[held.findIndex((taken) => taken.limiter === limiter)] ?? 0
          // A user forgets no guesses at another user whose name is written in nearly the same way.
          const isOnlyUser = failures(limiters.spelling) >= failures(limiters.account)
          if (failures(limiters.account) === 0 || !isOnlyUser) return
          await forget(held.filter(({ limiter }) => forgottenBySuccess.includes(limiter)))
        },
        cancelled: async () => void (await giveBackAll(held)),
      }
    },
    // Each counts one request of an address.
    signup: perAddress('signup'),
    refresh: perAddress('refresh'),
    callback: perAddress('callback'),
    /** Counts one session that a user begins for an app, from all addresses. */
    continue: async (userId: string): Promise<void> =>
      void (await take(limiters.continue, nameOf(userId), 'request.limited')),
  }
}

/** A point of an attempt; `points` is the count of the limit, including this point. */
type Taken = { limiter: RateLimiterAbstract; name: string; points: number }

const giveBackAll = (points: readonly Taken[]): Promise<number[]> => Promise.all(points.map(giveBack))

const forget = async (points: readonly Taken[]): Promise<void> =>
  void (await Promise.all(points.map(({ limiter, name }) => limiter.delete(name))))

function noneWhenLimited(error: unknown): null {
  if (error instanceof GatewayError && error.code === 'rate_limited') return null
  throw error
}

/** Gives a point back, and removes a counter without points, so that zeros do not fill the memory. Returns the others. */
async function giveBack({ limiter, name }: Taken): Promise<number> {
  const { consumedPoints } = await limiter.reward(name)
  if (consumedPoints <= 0) await limiter.delete(name)
  return consumedPoints
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
 * Returns the key of an account for a typed username. It ignores case, accents and white space around the name, more than
 * the database does: all spellings of a user have one key, and users whose names differ only in accents share their limits.
 */
export function accountKey(username: string): string {
  const bare = username.trim().normalize('NFKD').replace(/\p{M}/gu, '')
  // Upper case makes İ and ı, ς and σ, ß and SS equal.
  return bare.toUpperCase().normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().replaceAll('ς', 'σ')
}

/**
 * Returns the key of one user for a typed username: no other user has it. It ignores case and white space around the name,
 * not more than the database does. An unusual letter may give a user several keys.
 */
export function spellingKey(username: string): string {
  // Letter by letter, because the lower case of a whole word makes a Σ at its end a ς. İ is i, as in username_key.
  const letters = [...username.trim().normalize('NFKC')]
  return letters
    .map((letter) => (letter === 'İ' ? 'i' : letter.toLowerCase()))
    .join('')
    .normalize('NFKC')
}
