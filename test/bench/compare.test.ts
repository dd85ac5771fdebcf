import { alternate, median, writeHead } from '../../bench/compare.ts'
import { writeLoad, writeOther } from '../../bench/result.ts'
import test from '../_test.ts'

test('median() is the middle value, and the upper one of two', (t) => {
  t.is(median([9, 1, 10]), 9)
  t.is(median([2, 1]), 2)
  t.is(median([]), 0)
})

test('alternate() changes the order in every round and leaves out the first round', async (t) => {
  const calls: string[] = []
  const measurement = (name: string) => async () => calls.push(name)
  const results = await alternate(2, [measurement('new'), measurement('old')])
  t.deepEqual(calls, ['new', 'old', 'old', 'new', 'new', 'old'])
  t.deepEqual(results, [
    [4, 5],
    [3, 6],
  ])
})

test('a case under load is a row with ratios, both builds, and its targets', (t) => {
  const result = {
    name: '`/jwks`',
    cpu: { now: 0.05, before: 0.1 },
    perSecond: { now: 20_000, before: 10_000 },
    targets: { cpu: { most: 0.5 }, perSecond: { least: 2 } },
  }
  const row = '| `/jwks` | 0.50 × | 2.00 × | 0.050 ms, 20000 /s | 0.100 ms, 10000 /s | ≤ 0.5 × | ≥ 2 × |'
  t.is(writeLoad(result), `${row} yes |`)
  t.true(writeLoad({ ...result, cpu: { now: 0.051, before: 0.1 } }).endsWith(' no |'))
  t.true(writeLoad({ ...result, perSecond: { now: 19_000, before: 10_000 } }).endsWith(' no |'))
})

test('the target of another measurement is for the new value or for the ratio', (t) => {
  const values = { now: 90, before: 120 }
  const target = { most: 80 }
  t.is(
    writeOther({ name: 'idle', unit: ' MiB', values, target }),
    '| idle | 90.0 MiB | 120 MiB | 0.75 × | ≤ 80 MiB | no |',
  )
  t.is(
    writeOther({ name: 'idle', unit: ' MiB', values, target: { most: 0.75 }, of: 'ratio' }),
    '| idle | 90.0 MiB | 120 MiB | 0.75 × | ≤ 0.75 × | yes |',
  )
  t.is(writeOther({ name: 'idle', unit: '', values }), '| idle | 90.0 | 120 | 0.75 × |  |  |')
})

test('writeHead() has a column of dashes for each name', (t) => {
  t.is(writeHead(['case', 'met']), '| case | met |\n| --- | --- |')
})
