import { createDatabaseClock } from '../../src/database/clock.ts'
import test from '../_test.ts'

/** A process whose database has a clock. All times are in milliseconds. */
function createProcess({ wall = 1_000_000, database = 1_000_000, monotonic = 500 } = {}) {
  const times = { wall, database, monotonic, uptime: monotonic + 5_000, request: 1, answer: 1, isAway: false }
  const pass = (milliseconds: number) => {
    times.wall += milliseconds
    times.database += milliseconds
    times.uptime += milliseconds
    times.monotonic += milliseconds
  }
  /** Suspends the machine: only its monotonic clock stops. */
  const suspend = (milliseconds: number) => {
    pass(milliseconds)
    times.monotonic -= milliseconds
  }
  let next = { part: '', happen: () => {} }
  const duringNext = (part: 'request' | 'answer', happen: () => void) => {
    next = { part, happen }
  }
  const query = async <Row>(): Promise<Row[]> => {
    if (times.isAway) throw new Error('away')
    pass(times.request)
    if (next.part === 'request') next.happen()
    const rows = [{ now: new Date(times.database) }]
    pass(times.answer)
    if (next.part === 'answer') next.happen()
    return rows as Row[]
  }
  const clocks = { monotonic: () => times.monotonic, wall: () => times.wall, uptime: () => times.uptime }
  const clock = createDatabaseClock({ query }, clocks)
  return { times, pass, suspend, duringNext, clock, error: () => clock.now().getTime() - times.database }
}

test('before the first measurement the time is the process’s', (t) => {
  const { clock } = createProcess({ wall: 1_120_000 })
  t.deepEqual(clock.now(), new Date(1_120_000))
  t.is(clock.skew(), 0)
})

for (const [side, ahead] of [
  ['ahead', 120],
  ['behind', -120],
] as const) {
  test(`the time is the database’s in a process that is two minutes ${side}, and the skew is told`, async (t) => {
    const { clock, pass, error } = createProcess({ wall: 1_000_000 + ahead * 1000 })
    await clock.measure()
    t.is(error(), 0)
    t.is(clock.skew(), ahead)
    pass(3_600_000)
    t.is(error(), 0)
    t.is(clock.skew(), ahead)
  })
}

test('a process whose clock is set keeps the database’s time without another measurement', async (t) => {
  const { clock, times, error } = createProcess()
  await clock.measure()
  times.wall += 60_000
  t.is(error(), 0)
  t.is(clock.skew(), 60)
})

test('the error is at most half the time of the answer', async (t) => {
  for (const [request, answer] of [
    [400, 0],
    [0, 400],
    [100, 300],
  ] as const) {
    const { clock, times, error } = createProcess({ wall: 0 })
    Object.assign(times, { request, answer })
    await clock.measure()
    t.true(Math.abs(error()) <= 200, String(error()))
  }
})

test('a slow answer does not spoil an exact time, and an exact answer mends a slow one', async (t) => {
  const { clock, times, error } = createProcess({ wall: 0 })
  Object.assign(times, { request: 4_000, answer: 0 })
  await clock.measure()
  t.not(error(), 0)
  Object.assign(times, { request: 1, answer: 1 })
  await clock.measure()
  t.is(error(), 0)
  Object.assign(times, { request: 0, answer: 4_000 })
  await clock.measure()
  t.is(error(), 0)
})

test('a failed measurement is reported and changes nothing', async (t) => {
  const { clock, times, pass, error } = createProcess({ wall: 0 })
  await clock.measure()
  times.isAway = true
  pass(60_000)
  await t.throwsAsync(clock.measure(), { message: 'away' })
  t.is(error(), 0)
})

test('after suspensions of the machine the time is right before the next measurement', async (t) => {
  const { clock, times, pass, suspend, error } = createProcess({ wall: 1_120_000 })
  await clock.measure()
  for (const seconds of [600, 30]) {
    suspend(seconds * 1000)
    t.is(error(), 0)
    t.is(clock.skew(), 120)
    pass(60_000)
    times.wall += 60_000
    t.is(error(), 0)
    times.wall -= 60_000
    t.is(error(), 0)
  }
})

test('a suspension during a measurement does not spoil an exact time', async (t) => {
  for (const during of ['request', 'answer'] as const) {
    const process = createProcess()
    await process.clock.measure()
    process.duringNext(during, () => process.suspend(600_000))
    await process.clock.measure()
    t.is(process.error(), 0, during)
  }
})

test('the next measurement corrects a pause that no clock of the machine shows, and a server with another clock', async (t) => {
  const { clock, times, error } = createProcess()
  await clock.measure()
  times.database += 600_000
  t.is(error(), -600_000)
  await clock.measure()
  t.is(error(), 0)
  t.is(clock.skew(), -600)
  times.database -= 30_000
  await clock.measure()
  t.is(error(), 0)
  t.is(clock.skew(), -570)
})
