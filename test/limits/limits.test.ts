import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../../src/database/database.ts'
import { GatewayError } from '../../src/errors.ts'
import { type Counters, createMemoryCounters, createServerCounters } from '../../src/limits/counters.ts'
import { accountKey, createLimits, type LimitSettings, spellingKey } from '../../src/limits/limits.ts'
import { createRateLimits } from '../../src/stores/rate-limit.ts'
import test from '../_test.ts'

const plenty = { points: 1000, seconds: 60 }
const settings: LimitSettings = {
  login: plenty,
  account: plenty,
  address: plenty,
  signup: plenty,
  refresh: plenty,
  callback: plenty,
  continue: plenty,
}
const key = new Uint8Array(32)
const create = (changed: Partial<LimitSettings>, shared: Counters = createMemoryCounters()) =>
  createLimits({ shared, ofProcess: createMemoryCounters() }, { ...settings, ...changed }, key)

/** Creates the counters of replicas on a database that answers in this way. */
const countersOn = (query: () => Promise<never>) =>
  createServerCounters(createRateLimits({ query } as Pick<Database, 'query'>), 5)

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

test('the success of a user forgets no guesses at a user whose name differs in an accent only', async (t) => {
  const { login } = create({ login: { points: 3, seconds: 60 } })
  for (let round = 0; round < 2; round++) {
    t.is(await waitOf(login('anna', '192.0.2.1')), null)
    await (await login('ánna', '192.0.2.1')).succeeded()
  }
  t.is(await waitOf(login('anna', '192.0.2.1')), null)
  t.not(await waitOf(login('anna', '192.0.2.1')), null)
})

test('the success of a user forgets no guesses that began meanwhile at a user with a similar name', async (t) => {
  const { login } = create({ login: { points: 3, seconds: 60 } })
  const own = await login('ánna', '192.0.2.1')
  for (let round = 0; round < 2; round++) t.is(await waitOf(login('anna', '192.0.2.1')), null)
  await own.succeeded()
  t.is(await waitOf(login('anna', '192.0.2.1')), null)
  t.not(await waitOf(login('anna', '192.0.2.1')), null)
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

test('an account that fails often is slowed down more and more, and opens again each time', async (t) => {
  const { login } = create({ account: { points: 6, seconds: 3600 } })
  let round = 0
  // Three networks that have failed before.
  const attempt = () => waitOf(login('anna', `198.51.${round++ % 3}.1`))
  for (let before = 0; before < 6; before++) t.is(await attempt(), null)
  t.is(await attempt(), null)
  t.is(await attempt(), 1)
  await sleep(1050)
  t.is(await attempt(), null)
  t.is(await attempt(), 2)
  t.is(await waitOf(login('berta', '198.51.100.1')), null)
  await sleep(2050)
  t.is(await attempt(), null)
  t.true(((await attempt()) ?? 0) > 2)
})

/** Guesses as six neighbouring networks, and again as soon as a limit allows. */
async function guessAsNeighbours(login: ReturnType<typeof create>['login'], rounds: number): Promise<number> {
  let admitted = 0
  for (let round = 0; round < rounds; round++)
    for (let network = 0; network < 6; network++)
      if ((await waitOf(login('anna', `2001:db8:0:${network}::${round + 1}`))) === null) admitted++
  return admitted
}

const defaults = {
  login: { points: 10, seconds: 300 },
  account: { points: 50, seconds: 3600 },
  address: { points: 100, seconds: 300 },
}

for (const [who, address] of [
  ['another network', '198.51.100.7'],
  ['the network of the guessers', '2001:db8:0:7::1'],
] as const) {
  test(`six neighbouring networks that guess all the time keep no user of ${who} out`, async (t) => {
    const { login } = create(defaults)
    await guessAsNeighbours(login, 20)
    for (let visit = 0; visit < 48; visit++) {
      await (await login('anna', address)).succeeded()
      await guessAsNeighbours(login, 2)
    }
    t.pass()
  })
}

test('neighbouring networks cannot use up the limit of an account', async (t) => {
  const { login } = create(defaults)
  t.true((await guessAsNeighbours(login, 20)) <= 27)
  // An address that has failed before.
  for (let round = 0; round < 10; round++) t.is(await waitOf(login('anna', '198.51.100.7')), null)
})

test('a guesser with any number of networks and addresses has a bounded number of attempts', async (t) => {
  const { login } = create(defaults)
  let admitted = 0
  for (let round = 0; round < 3; round++)
    for (let network = 0; network < 300; network++)
      if ((await waitOf(login('anna', `198.${network >> 8}.${network & 255}.1`))) === null) admitted++
  // The limit of the account, twice as many of addresses without a failure, and the first of each line.
  t.true(admitted >= 150 && admitted <= 152, String(admitted))
  let ofNetwork = 0
  const other = create(defaults).login
  for (let subnet = 0; subnet < 200; subnet++)
    if ((await waitOf(other('anna', `2001:db8:0:${subnet.toString(16)}::1`))) === null) ofNetwork++
  t.true(ofNetwork <= 37, String(ofNetwork))
})

test('a network may fail at different accounts ten times as often as an address', async (t) => {
  const { login } = create({ address: { points: 2, seconds: 60 } })
  let admitted = 0
  for (let subnet = 0; subnet < 30; subnet++)
    if ((await waitOf(login(`user-${subnet}`, `2001:db8:0:${subnet}::1`))) === null) admitted++
  t.is(admitted, 20)
})

test('at an account that is slowed down, an address with few failures does not wait for the others', async (t) => {
  const { login } = create({ account: { points: 6, seconds: 3600 } })
  for (let round = 0; round < 9; round++) await waitOf(login('anna', `198.51.${round % 3}.1`))
  t.not(await waitOf(login('anna', '198.51.0.1')), null)
  // The first attempt has no failure, the second has one.
  for (let round = 0; round < 2; round++) t.is(await waitOf(login('anna', '203.0.113.1')), null)
})

test('a device has a counter of its own, which others cannot use up, and no more attempts than an address', async (t) => {
  const { login } = create(defaults)
  for (let network = 0; network < 300; network++)
    await waitOf(login('anna', `198.${network >> 8}.${network & 255}.1`))
  for (let round = 0; round < 20; round++) await (await login('anna', '198.0.0.1', 'a device')).succeeded()
  for (let round = 0; round < 10; round++) t.is(await waitOf(login('anna', '198.0.0.1', 'a device')), null)
  t.not(await waitOf(login('anna', '198.0.0.1', 'a device')), null)
  t.is(await waitOf(login('anna', '198.0.0.1', 'another device')), null)
  t.is(await waitOf(login('berta', '198.0.0.1', 'a device')), null)
})

test('all devices of a user together may fail as often as the account, and then count like other clients', async (t) => {
  const { login } = create(defaults)
  const attempt = (at: number) => waitOf(login('anna', '198.0.0.1', `device ${at}`))
  // Successes use up nothing.
  for (let at = 0; at < 60; at++) await (await login('anna', '198.0.0.1', `device ${at}`)).succeeded()
  for (let at = 0; at < 50; at++) t.is(await attempt(at), null)
  for (let at = 50; at < 60; at++) t.is(await attempt(at), null)
  // The limit of the account from one address.
  t.not(await attempt(60), null)
  t.is(await waitOf(login('anna', '198.51.100.7', 'device 60')), null)
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

test('sessions that begin without a sign-in are counted by user, and by nothing else', async (t) => {
  const limits = create({ continue: { points: 2, seconds: 60 } })
  for (let round = 0; round < 2; round++) t.is(await waitOf(limits.continue('a')), null)
  t.not(await waitOf(limits.continue('a')), null)
  t.is(await waitOf(limits.continue('b')), null)
})

test('while the database is away each process counts for itself: requests are neither all allowed nor all rejected', async (t) => {
  let asked = 0
  const away = countersOn(() => {
    asked++
    return Promise.reject(new GatewayError('database_unavailable'))
  })
  const { login } = create({ login: { points: 3, seconds: 60 } }, away)
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
  const silent = countersOn(() => new Promise(() => {}))
  const { callback } = create({ callback: { points: 1, seconds: 60 } }, silent)
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
  const counters = createMemoryCounters()
  const { login } = create({}, counters)
  for (let at = 0; at < 50; at++) await (await login(`user-${at}`, '192.0.2.1')).cancelled()
  await (await login('anna', '192.0.2.1')).succeeded()
  await (await login('anna', '192.0.2.1', 'a device')).cancelled()
  await (await login('anna', '192.0.2.1', 'a device')).succeeded()
  t.is(counters.size(), 0)
})

test('however a name is written, what the database takes for one user is one account', (t) => {
  for (const [one, ...others] of [
    ['lilli', ' lilli', 'lilli\u00a0\n', 'LILLI', 'lİlli', 'LILLİ', 'ｌｉｌｌｉ', 'lıllı'],
    ['ΝΊΚΟΣ', 'νίκος', 'νίκοσ'],
    ['strasse', 'Straße', 'STRASSE'],
    ['Ångström', 'a\u030angstro\u0308m', 'ÅNGSTRÖM'],
  ] as const) {
    for (const other of others) t.is(accountKey(other), accountKey(one), other)
  }
  t.not(accountKey('anna'), accountKey('hanna'))
})

test('two names that the database tells apart have two keys of one user, however they are written', (t) => {
  for (const [one, ...others] of [
    ['josé', ' José ', 'JOSE\u0301', 'ｊｏｓé'],
    ['ΟΔΟΣ', 'οδοσ'],
  ] as const) {
    for (const other of others) t.is(spellingKey(other), spellingKey(one), other)
  }
  for (const [one, other] of [
    ['jose', 'josé'],
    ['ilker', 'ılker'],
    ['strasse', 'straße'],
    ['ΟΔΟΣ', 'οδος'],
  ] as const) {
    t.not(spellingKey(one), spellingKey(other), one)
    t.is(accountKey(one), accountKey(other), one)
  }
})

test('refreshes are counted without asking the database', async (t) => {
  const asked = countersOn(() => Promise.reject(new Error('asked')))
  const { refresh } = create({ refresh: { points: 2, seconds: 60 } }, asked)
  for (let round = 0; round < 2; round++) t.is(await waitOf(refresh('192.0.2.1')), null)
  t.not(await waitOf(refresh('192.0.2.1')), null)
})

test('counters in memory are removed when their window has ended', async (t) => {
  let now = 0
  const counters = createMemoryCounters(() => now)
  for (let at = 0; at < 100; at++) await counters.count([{ key: `login:${at}`, seconds: 30 }])
  const { counts } = await counters.count([{ key: 'login:0', seconds: 30 }])
  t.deepEqual(counts, [{ points: 2, left: 30_000 }])
  now = 60_000
  t.deepEqual((await counters.count([{ key: 'login:0', seconds: 30 }])).counts, [{ points: 1, left: 30_000 }])
  t.is(counters.size(), 1)
})
