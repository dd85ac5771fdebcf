import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { createDatabaseClock } from '../../src/database/clock.ts'
import { translateFailure } from '../../src/database/failures.ts'
import { createOutageReport, databaseMessages } from '../../src/process/failure-report.ts'
import { createSkewReport, scheduleRepeating, startMaintenance } from '../../src/process/maintenance.ts'
import { createSweep } from '../../src/stores/sweep.ts'
import { appTest, quick } from '../_app.ts'
import test from '../_test.ts'
import { until } from '../_until.ts'

const log = pino({ level: 'silent' })
const outage = createOutageReport(log)

test('a job runs first after its first delay, and then at its interval', async (t) => {
  const turns: number[] = []
  const began = Date.now()
  const stop = scheduleRepeating(
    100,
    'count',
    log,
    outage,
    async () => void turns.push(Date.now() - began),
    10,
  )
  await until(async () => turns.length >= 2)
  await stop()
  t.true((turns[0] ?? 0) >= 9, String(turns))
  t.true((turns[1] ?? 0) - (turns[0] ?? 0) >= 99, String(turns))
  const { length } = turns
  await sleep(150)
  t.is(turns.length, length)
})

test('a job that fails is repeated, and logged when the reason changes and when it works again', async (t) => {
  const lines: string[] = []
  const listening = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) })
  const failures = ['away', 'away', 'away', 'read-only', 'read-only', null, null, 'away', null]
  let runs = 0
  const work = async () => {
    const failure = failures[runs++] ?? null
    if (failure !== null) throw new Error(failure)
  }
  const stop = scheduleRepeating(1, 'count', listening, outage, work)
  await until(() => runs > failures.length)
  await stop()
  t.deepEqual(
    lines.map((line) => JSON.parse(line)).map(({ msg, err }) => [msg, err?.message]),
    [
      ['failed to count', 'away'],
      ['failed to count', 'read-only'],
      ['able to count again', undefined],
      ['failed to count', 'away'],
      ['able to count again', undefined],
    ],
  )
})

test('an outage of the database is one line at its beginning and one at its end, whatever its reasons are', async (t) => {
  const lines: string[] = []
  const listening = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) })
  const away = (code: string) => translateFailure(Object.assign(new Error('no answer'), { code }))
  const failures = [away('ECONNREFUSED'), away('57P01'), away('ECONNREFUSED'), null, null, away('57014')]
  let runs = 0
  const work = async () => {
    const failure = failures[runs++] ?? null
    if (failure !== null) throw failure
  }
  const stop = scheduleRepeating(1, 'count', listening, createOutageReport(listening), work)
  await until(() => runs > failures.length)
  await stop()
  t.deepEqual(
    lines.map((line) => JSON.parse(line).msg),
    [databaseMessages.away, databaseMessages.back, 'failed to count', 'able to count again'],
  )
})

test('the stop of a job aborts its run and waits for it', async (t) => {
  let hasBegun = false
  const work = async (signal: AbortSignal) => {
    hasBegun = true
    while (!signal.aborted) await sleep(1)
  }
  const stop = scheduleRepeating(1_000, 'wait', log, outage, work, 0)
  await until(() => hasBegun)
  await t.notThrowsAsync(stop())
})

test(
  'expired rows are deleted soon after the start, and not only after an hour',
  appTest({ engine: quick }, async (t, app) => {
    const { database, keys } = app.gateway
    const deployment = { database, databaseClock: createDatabaseClock(database) }
    const swept: Date[] = []
    const sweep = async (now: Date) => {
      swept.push(now)
      return createSweep(database)(now)
    }
    const deps = {
      config: app.config,
      sweep,
      log,
      announce: () => {},
      clock: () => app.clock.now,
    }
    const later = startMaintenance(deps, deployment, keys, outage, 60_000)
    await app.sql(`INSERT INTO rate_limit (key, points, expire) VALUES ('old', 1, 1)`)
    const counted = async () => (await app.sql('SELECT 1 FROM rate_limit')).length
    await sleep(50)
    await later()
    t.deepEqual([swept.length, await counted()], [0, 1])
    const soon = startMaintenance(deps, deployment, keys, outage, 0)
    await until(async () => (await counted()) === 0)
    await soon()
    t.deepEqual(swept, [app.clock.now])
  }),
)

test('a difference from the database’s clock is logged once when it begins, and once when it ends', (t) => {
  const lines: Record<string, unknown>[] = []
  const listening = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) })
  let seconds = 0
  const report = createSkewReport(listening, { skew: () => seconds })
  const told = (...skews: number[]) => {
    lines.length = 0
    for (seconds of skews) report()
    return lines.map(({ level, msg }) => `${level} ${msg}`)
  }
  t.deepEqual(told(0, 5, -5), [])
  const ahead =
    "40 the clock is 120.0 s ahead of the database's; the database's counts; synchronise both clocks (NTP)"
  t.deepEqual(told(120, 120, 4.9, 5.1), [ahead])
  t.deepEqual(told(1, 0), ["30 the clock agrees with the database's again"])
  t.deepEqual(told(-6, -7), [
    "40 the clock is 6.0 s behind the database's; the database's counts; synchronise both clocks (NTP)",
  ])
})
