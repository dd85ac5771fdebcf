import { type Counters, createMemoryCounters } from '../../src/limits/counters.ts'
import { createRateLimits } from '../../src/stores/rate-limit.ts'
import { engines } from '../_app.ts'
import test, { type ExecutionContext } from '../_test.ts'
import { openStores, type Stores } from './_stores.ts'

const pointsOf = (keys: readonly string[]) => keys.map((key) => ({ key, seconds: 60 }))

/** Returns the points of counters. */
async function read(counters: Counters, ...keys: string[]): Promise<number[]> {
  const { counts, settle } = await counters.count(pointsOf(keys))
  await settle({ keys, forgotten: [] })
  return counts.map(({ points }) => points - 1)
}

/** The claims about any counters, with a prefix for the keys. */
const claims: Record<string, (t: ExecutionContext, counters: Counters, prefix: string) => Promise<void>> = {
  'each point is counted, with the time to the end of the window': async (t, counters, prefix) => {
    const points = [
      { key: `${prefix}b`, seconds: 60 },
      { key: `${prefix}a`, seconds: 600 },
    ]
    await counters.count(points.slice(0, 1))
    const { counts } = await counters.count(points)
    t.deepEqual(
      counts.map((count) => count.points),
      [2, 1],
    )
    const [short = 0, long = 0] = counts.map(({ left }) => left)
    t.true(short > 0 && short <= 60_000 && long > 60_000 && long <= 600_000, `${short} ${long}`)
  },
  'an attempt gives its points back': async (t, counters, prefix) => {
    const keys = [`${prefix}a`, `${prefix}b`]
    await counters.count(pointsOf(keys))
    const { settle } = await counters.count(pointsOf(keys))
    await settle({ keys, forgotten: [] })
    t.deepEqual(await read(counters, ...keys), [1, 1])
  },
  'a success forgets counters': async (t, counters, prefix) => {
    const keys = [`${prefix}a`, `${prefix}b`]
    await counters.count(pointsOf(keys))
    const { settle } = await counters.count(pointsOf(keys))
    await settle({ keys, forgotten: [`${prefix}a`] })
    t.deepEqual(await read(counters, ...keys), [0, 1])
  },
  'a success forgets nothing when fewer points are its own than there are, or there are none': async (
    t,
    counters,
    prefix,
  ) => {
    const [all, own, other] = [`${prefix}all`, `${prefix}own`, `${prefix}other`] as const
    const keys = [all, own, other]
    const settlement = { keys, forgotten: keys, onlyIf: { all, own } }
    await counters.count(pointsOf([all, other]))
    await (await counters.count(pointsOf(keys))).settle(settlement)
    t.deepEqual(await read(counters, ...keys), [1, 0, 1])
    await counters.count(pointsOf([own]))
    await (await counters.count(pointsOf(keys))).settle(settlement)
    t.deepEqual(await read(counters, ...keys), [0, 0, 0])
    await counters.count(pointsOf([other]))
    await (await counters.count(pointsOf(keys))).settle(settlement)
    t.deepEqual(await read(counters, ...keys), [0, 0, 1])
  },
  'of concurrent attempts each has another count, and all leave nothing behind': async (
    t,
    counters,
    prefix,
  ) => {
    const keys = [`${prefix}a`, `${prefix}b`, `${prefix}c`]
    const attempts = await Promise.all(
      Array.from({ length: 20 }, (_, at) => counters.count(pointsOf(at % 2 ? keys : keys.toReversed()))),
    )
    const seen = attempts
      .map(({ counts }) => counts[1]?.points)
      .sort((one, other) => Number(one) - Number(other))
    t.deepEqual(
      seen,
      Array.from({ length: 20 }, (_, at) => at + 1),
    )
    await Promise.all(
      attempts.map(({ settle }, at) => settle({ keys: at % 2 ? keys : keys.toReversed(), forgotten: [] })),
    )
    t.deepEqual(await read(counters, ...keys), [0, 0, 0])
  },
}

for (const [claim, run] of Object.entries(claims))
  test(`memory: ${claim}`, (t) => run(t, createMemoryCounters(), ''))

for (const engine of engines) {
  let stores: Stores
  test.before(`${engine}: open`, async () => {
    stores = await openStores(engine)
  })
  test.after.always(`${engine}: close`, () => stores?.close())

  for (const [at, [claim, run]] of Object.entries(claims).entries())
    test(`${engine}: ${claim}`, async (t) => {
      const prefix = `claim ${at}:`
      const { count, settle } = createRateLimits(stores.database)
      await run(t, { count: async (points) => ({ ...(await count(points)), settle }) }, prefix)
      const rows = await stores.sql<{ points: number }>(
        'SELECT points FROM rate_limit WHERE starts_with(key, $1)',
        [prefix],
      )
      t.true(rows.every(({ points }) => points > 0))
    })

  test(`${engine}: a window that has ended counts from one, and gets no point back`, async (t) => {
    const { count, settle } = createRateLimits(stores.database)
    const keys = ['ended', 'begun']
    await count(pointsOf(keys))
    await stores.sql(`UPDATE rate_limit SET expire = 1, points = 7 WHERE key = 'ended'`)
    await settle({ keys: ['ended'], forgotten: [] })
    t.deepEqual(await stores.sql(`SELECT points FROM rate_limit WHERE key = 'ended'`), [{ points: 7 }])
    const { counts } = await count(pointsOf(keys))
    t.deepEqual(
      counts.map(({ points }) => points),
      [1, 2],
    )
    t.true(counts.every(({ left }) => left > 0 && left <= 60_000))
  })

  test(`${engine}: the statement that counts a login reads the user by any spelling, null without one`, async (t) => {
    const { count } = createRateLimits(stores.database)
    const id = await stores.users.create({ username: 'Anna', password: 'a hash', email: null })
    const points = pointsOf(['login:a', 'login:b'])
    for (const username of ['anna', ' ANNA '])
      t.deepEqual((await count(points, username)).credentials, { id, password: 'a hash', active: true })
    const { counts, credentials } = await count(points, 'berta')
    t.is(credentials, null)
    t.deepEqual(
      counts.map((each) => each.points),
      [3, 3],
    )
    t.is((await count(points)).credentials, undefined)
  })
}
