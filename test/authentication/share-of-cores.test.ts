import fc from 'fast-check'
import { shareOfCores } from '../../src/authentication/hash-threads.ts'
import test from '../_test.ts'

test('workers use at most the existing cores, unless there are more workers than cores, and at most four each', (t) => {
  const number = fc.integer({ min: 1, max: 64 })
  fc.assert(
    fc.property(number, number, (cores, workers) => {
      const share = shareOfCores(cores, workers)
      t.true(share >= 1 && share <= 4 && share * workers <= Math.max(cores, workers))
      t.true(share === 4 || (share + 1) * workers > cores, 'an unused core')
    }),
  )
  t.is(shareOfCores(3, 1), 3)
})
