import { setTimeout as sleep } from 'node:timers/promises'
import type { RateLimiterAbstract, RateLimiterMemory } from 'rate-limiter-flexible'
import type { Database } from '../../src/database/database.ts'
import { GatewayError } from '../../src/errors.ts'
import { createMemoryLimiter, createServerLimiters } from '../../src/limits/counters.ts'
import { accountKey, createLimits, type LimitSettings } from '../../src/limits/limits.ts'
import test from '../_test.ts'

const plenty = { points: 1000, seconds: 60 }
const settings: LimitSettings = {
  login: plenty,
  account: plenty,
  address: plenty,
  signup: plenty,
  refresh: plenty,
  callback: plenty,
}
const key = new Uint8Array(32)
const create = (changed: Partial<LimitSettings>, limiter = createMemoryLimiter) =>
  createLimits(limiter, { ...settings, ...changed }, key)

/** Returns the `Retry-After` of a rejected attempt in seconds; null for an admitted attempt. */
async function waitOf(attempt: Promise<unknown>): Promise<number | null> {
  try {
    await attempt
    return null
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'rate_limited') throw error
    return Number(error.headers['Retry-After'])
  }
}

test('of a burst of attempts on one account from one address only as many pass as may fail', async (t) => {
  const { login } = create({ login: { points: 3, seconds: 60 } })
  const waits = await Promise.all(Array.from({ length: 20 }, () => waitOf(login('anna', '192.0.2.1'))))
  t.is(waits.filter((wait) => wait === null).length, 3)
  t.true(waits.every((wait) => wait === null || (wait > 55 && wait <= 60)))
  t.is(await waitOf(login('anna', '192.0.2.2')), null)
  t.is(await waitOf(login('berta', '192.0.2.1')), null)
})

test('spellings of one username, and of one address, are counted together', async (t) => {
  const { login } = create({ login: { points: 2, seconds: 60 } })
  await login('Anna', '192.0.2.1')
  await login('ANNA', '::ffff:192.0.2.1')
  t.not(await waitOf(login('ａｎｎａ', '192.0.2.1')), null)
})

test('a success forgets what was counted for the account, and gives the address its point back', async (t) => {
  const { login } = create({ login: { points: 2, seconds: 60 }, address: { points: 3, seconds: 60 } })
  for (let round = 0; round < 2; round++) {
    await login('anna', '192.0.2.1')
    await (await login('anna', '192.0.2.1')).succeeded()
  }
  t.is(await waitOf(login('anna', '192.0.2.1')), null)
  t.not(await waitOf(login('anna', '192.0.2.1')), null)
  t.not(await waitOf(login('berta', '192.0.2.1')), null)
})

test('an attempt that came to nothing counts as none', async (t) => {
  const { login } = create({
    login: { points: 1, seconds: 60 },
    account: { points: 1, seconds: 60 },
    address: { points: 1, seconds: 60 },
  })
  for (let round = 0; round < 5; round++) await (await login('anna', '192.0.2.1')).cancelled()
  t.is(await waitOf(login('anna', '192.0.2.1')), null)
})

test('an attempt that one limit refuses is not counted by the others', async (t) => {
  const { login } = create({ login: { points: 1, seconds: 60 }, address: { points: 3, seconds: 60 } })
  await login('anna', '192.0.2.1')
  for (let round = 0; round < 10; round++) t.not(await waitOf(login('anna', '192.0.2.1')), null)
  t.is(await waitOf(login('berta', '192.0.2.1')), null)
  t.is(await waitOf(login('carla', '192.0.2.1')), null)
  t.not(await waitOf(login('doris', '192.0.2.1')), null)
})

test('an account that fails from everywhere is slowed down more and more, and opens again each time', async (t) => {
  const { login } = create({ account: { points: 2, seconds: 3600 } })
  let address = 0
  const attempt = () => waitOf(login('anna', `198.51.100.${address++}`))
  for (let round = 0; round < 3; round++) t.is(await attempt(), null)
  t.is(await attempt(), 1)
  await sleep(1050)
  t.is(await attempt(), null)
  t.is(await attempt(), 2)
  t.is(await waitOf(login('berta', '198.51.100.1')), null)
  await sleep(2050)
  t.is(await attempt(), null)
  t.true(((await attempt()) ?? 0) > 2)
})

test('a window ends, and what was counted in it with it', async (t) => {
  const { login } = create({ login: { points: 1, seconds: 1 } })
  await login('anna', '192.0.2.1')
  t.is(await waitOf(login('anna', '192.0.2.1')), 1)
  await sleep(1050)
  t.is(await waitOf(login('anna', '192.0.2.1')), null)
})

for (const name of ['signup', 'refresh', 'callback'] as const) {
  test(`${name} is counted by address, and by nothing else`, async (t) => {
    const limits = create({ [name]: { points: 2, seconds: 60 } })
    for (let round = 0; round < 2; round++) t.is(await waitOf(limits[name]('2001:db8::1')), null)
    t.not(await waitOf(limits[name]('2001:db8::2')), null)
    t.is(await waitOf(limits[name]('2001:db8:0:1::1')), null)
  })
}

test('while the database is away each process counts for itself: requests are neither all allowed nor all rejected', async (t) => {
  let asked = 0
  const away: Pick<Database, 'query'> = {
    query: () => {
      asked++
      return Promise.reject(new GatewayError('database_unavailable'))
    },
  }
  const { login } = create({ login: { points: 3, seconds: 60 } }, createServerLimiters(away, 5))
  const waits = await Promise.all(Array.from({ length: 10 }, () => waitOf(login('anna', '192.0.2.1'))))
  t.is(waits.filter((wait) => wait === null).length, 3)
  const before = asked
  await waitOf(login('anna', '192.0.2.1'))
  t.is(asked, before)
})

test('a database that does not answer holds a limit up for a second, and then no more', async (t) => {
  // The wait of a limit alone does not keep a process running.
  const running = setInterval(() => {}, 1000)
  t.teardown(() => clearInterval(running))
  const silent: Pick<Database, 'query'> = { query: () => new Promise(() => {}) }
  const { callback } = create({ callback: { points: 1, seconds: 60 } }, createServerLimiters(silent, 5))
  t.is(await waitOf(callback('192.0.2.1')), null)
  t.not(await waitOf(callback('192.0.2.1')), null)
})

test('a rejected attempt does not take the turn that the user of a slowed-down account waits for', async (t) => {
  const { login } = create({ login: { points: 1, seconds: 60 }, account: { points: 1, seconds: 60 } })
  await login('anna', '192.0.2.1')
  for (let round = 0; round < 5; round++) t.not(await waitOf(login('anna', '192.0.2.1')), null)
  t.is(await waitOf(login('anna', '192.0.2.2')), null)
})

test('an attempt that came to nothing gives back the turn of a slowed-down account', async (t) => {
  const { login } = create({ account: { points: 1, seconds: 60 } })
  await login('anna', '192.0.2.1')
  for (let round = 0; round < 3; round++) await (await login('anna', '192.0.2.2')).cancelled()
  t.is(await waitOf(login('anna', '192.0.2.2')), null)
})

test('attempts that came to nothing, or succeeded, leave no counter behind', async (t) => {
  const limiters: RateLimiterAbstract[] = []
  const { login } = createLimits(
    (prefix, limit) => {
      const limiter = createMemoryLimiter(prefix, limit)
      limiters.push(limiter)
      return limiter
    },
    settings,
    key,
  )
  for (let at = 0; at < 50; at++) await (await login(`user-${at}`, '192.0.2.1')).cancelled()
  await (await login('anna', '192.0.2.1')).succeeded()
  const kept = limiters.flatMap((limiter) => (limiter as RateLimiterMemory).dump().storage)
  t.deepEqual(kept, [])
})

test('however a name is written, what the database takes for one user is one account', (t) => {
  for (const [one, ...others] of [
    ['lilli', 'LILLI', 'lİlli', 'LILLİ', 'ｌｉｌｌｉ', 'lıllı'],
    ['ΝΊΚΟΣ', 'νίκος', 'νίκοσ'],
    ['strasse', 'Straße', 'STRASSE'],
    ['Ångström', 'a\u030angstro\u0308m', 'ÅNGSTRÖM'],
  ] as const) {
    for (const other of others) t.is(accountKey(other), accountKey(one), other)
  }
  t.not(accountKey('anna'), accountKey('hanna'))
})

test('refreshes are counted without asking the database', async (t) => {
  const { refresh } = create(
    { refresh: { points: 2, seconds: 60 } },
    createServerLimiters({ query: () => Promise.reject(new Error('asked')) }, 5),
  )
  for (let round = 0; round < 2; round++) t.is(await waitOf(refresh('192.0.2.1')), null)
  t.not(await waitOf(refresh('192.0.2.1')), null)
})
