import { createHmac } from 'node:crypto'
import type { Credentials } from '../context.ts'
import { GatewayError } from '../errors.ts'
import type { EventName } from '../events.ts'
import { addressKey, networkKey } from '../http/ip-address.ts'
import type { Counted, Point } from '../stores/rate-limit.ts'
import type { Counters } from './counters.ts'

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

/** The counters of the limits. A refresh token cannot be guessed, so each process counts refreshes for itself. */
export type LimitCounters = { shared: Counters; ofProcess: Counters }

/** A counted attempt. */
export type Attempt = {
  /** The user of a login, null without one. Undefined when the counters did not read it. */
  credentials: Credentials | null | undefined
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

// The counters forgotten by a success. The others also count failures at other accounts or of other addresses.
const forgottenBySuccess = /^(login|account|account-address|spelling|gate):/

/**
 * Creates the limits against guessing and flooding. An attempt is counted before its work, so concurrent attempts get
 * no further than consecutive ones. Throws `rate_limited` with `Retry-After`. The keys of counters are HMACs of
 * usernames and addresses with `key`, because users type passwords into the field of the username.
 */
export function createLimits({ shared, ofProcess }: LimitCounters, settings: LimitSettings, key: Uint8Array) {
  const nameOf = (...parts: string[]) =>
    createHmac('sha256', key).update(JSON.stringify(parts)).digest('base64url')
  const pointOf = (prefix: string, name: string, { points, seconds }: Limit): LimitedPoint => ({
    key: `${prefix}:${name}`,
    seconds,
    most: points,
  })
  const perAddress = (limit: 'signup' | 'refresh' | 'callback', counters = shared) => {
    return async (address: string): Promise<void> => {
      const point = pointOf(limit, nameOf(addressKey(address)), settings[limit])
      await take(counters, [point], 'request.limited')
    }
  }
  const { points: ofAccount, seconds } = settings.account
  const counter = { points: 2 ** 31 - 1, seconds }
  const network = { points: settings.address.points * addressesOfNetwork, seconds: settings.address.seconds }
  const fresh = { points: ofAccount * freshOfAccount, seconds }
  const freshNetwork = { points: freshOfNetwork, seconds }

  /** Counts the attempt of a device; null when all devices of the user have failed as often as an account may. */
  async function takeAsDevice(username: string, account: string, device: string): Promise<Attempt | null> {
    const points = [
      pointOf('device', nameOf(account, device), settings.login),
      // The failures of all devices of one user.
      pointOf('devices', nameOf(spellingKey(username)), counter),
    ]
    const { keys, counts, credentials, settle } = await take(shared, points, 'login.limited', username)
    const cancelled = () => settle({ keys, forgotten: [] })
    if (Number(counts[1]) <= ofAccount)
      return { credentials, succeeded: () => settle({ keys, forgotten: keys.slice(0, 1) }), cancelled }
    await cancelled()
    return null
  }

  /**
   * Admits an attempt at an account that is slowed down. An address without a failure passes while there are few of
   * them. All others pass one at a time, with a delay that grows with the failures that are `over` the limit.
   */
  async function waitInLine(account: string, client: string, own: number, over: number): Promise<string[]> {
    if (own === 1) {
      const points = [
        pointOf('fresh', account, fresh),
        pointOf('fresh-network', nameOf(account, client), freshNetwork),
      ]
      const taken = await take(shared, points, 'login.limited').catch(noneWhenLimited)
      if (taken !== null) return taken.keys
    }
    const delay = Math.min(2 ** Math.min(over - 1, 30), longestDelay)
    const line = own <= fewFailures ? 'few' : 'many'
    const gate = pointOf('gate', nameOf(account, line), { points: 1, seconds: delay })
    return (await take(shared, [gate], 'login.limited')).keys
  }

  return {
    /**
     * Counts a login as `username`. It counts as a failure until it ends otherwise. A `device`, from which this user has
     * signed in before, has a counter of its own, which no other client can use up. All devices of a user together may
     * fail as often as the account: a client that knew the password for a while has any number of devices.
     */
    login: async (username: string, address: string, device?: string): Promise<Attempt> => {
      const account = nameOf(accountKey(username))
      const asDevice = device === undefined ? null : await takeAsDevice(username, account, device)
      if (asDevice) return asDevice
      const client = nameOf(addressKey(address))
      const ofNetwork = nameOf(networkKey(address))
      const all = pointOf('account', account, counter)
      // The failures of one user, of all users that share the limits of an account.
      const own = pointOf('spelling', nameOf(spellingKey(username)), counter)
      const points = [
        pointOf('address', client, settings.address),
        pointOf('network', ofNetwork, network),
        // The failures of an account: from one network, from one address, and from everywhere.
        pointOf('account-network', nameOf(account, ofNetwork), counter),
        pointOf('account-address', nameOf(account, client), counter),
        all,
        pointOf('login', nameOf(account, client), settings.login),
        own,
      ]
      const { keys, counts, credentials, settle } = await take(shared, points, 'login.limited', username)
      const cancelled = () => settle({ keys, forgotten: [] })
      try {
        const [, , fromNetwork, fromAddress, fromAll] = counts
        // A network alone cannot use up the limit of an account.
        const over = Math.max(Number(fromAll) - ofAccount, Number(fromNetwork) - Math.ceil(ofAccount / 2))
        // Last, because a taken turn delays all other attempts.
        if (over > 0) keys.push(...(await waitInLine(account, ofNetwork, Number(fromAddress), over)))
      } catch (error) {
        await cancelled()
        throw error
      }
      // A user forgets no guesses at another user whose name is written in nearly the same way.
      const onlyIf = { all: all.key, own: own.key }
      return {
        credentials,
        succeeded: () =>
          settle({ keys, forgotten: keys.filter((each) => forgottenBySuccess.test(each)), onlyIf }),
        cancelled,
      }
    },
    // Each counts one request of an address.
    signup: perAddress('signup'),
    refresh: perAddress('refresh', ofProcess),
    callback: perAddress('callback'),
    /**
     * Counts one request that the route may reject, in this process. The returned function takes the point back. Nothing
     * here can be guessed, so the limit is that of refreshes.
     */
    rejected: async (address: string): Promise<() => Promise<void>> => {
      const point = pointOf('rejected', nameOf(addressKey(address)), settings.refresh)
      const { keys, settle } = await take(ofProcess, [point], 'request.limited')
      return () => settle({ keys, forgotten: [] })
    },
    /** Counts one session that a user begins for an app, from all addresses. */
    continue: async (userId: string): Promise<void> => {
      await take(shared, [pointOf('continue', nameOf(userId), settings.continue)], 'request.limited')
    },
  }
}

/** A point, and the most points that its counter may have. */
type LimitedPoint = Point & { most: number }

/** The counters of an attempt, and their points. */
type Taken = {
  keys: string[]
  counts: number[]
  credentials: Counted['credentials']
  settle: Awaited<ReturnType<Counters['count']>>['settle']
}

function noneWhenLimited(error: unknown): null {
  if (error instanceof GatewayError && error.code === 'rate_limited') return null
  throw error
}

/** Takes several points, or none. Throws the first refusal. A refused point stays, which changes nothing in its window. */
async function take(
  counters: Counters,
  points: readonly LimitedPoint[],
  event: EventName,
  username?: string,
): Promise<Taken> {
  const { counts, credentials, settle } = await counters.count(points, username)
  const isOver = (point: LimitedPoint, at: number) => Number(counts[at]?.points) > point.most
  const refused = points.findIndex(isOver)
  if (refused < 0)
    return {
      keys: points.map(({ key }) => key),
      counts: counts.map((each) => each.points),
      credentials,
      settle,
    }
  const admitted = points.filter((point, at) => !isOver(point, at)).map(({ key }) => key)
  if (admitted.length > 0) await settle({ keys: admitted, forgotten: [] })
  const retryAfter = Math.max(1, Math.ceil(Number(counts[refused]?.left) / 1000))
  throw new GatewayError('rate_limited', {
    event,
    detail: `Try again in ${retryAfter} seconds`,
    headers: { 'Retry-After': String(retryAfter) },
  })
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
