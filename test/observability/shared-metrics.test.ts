import { createMetrics } from '../../src/observability/metrics.ts'
import test from '../_test.ts'

const counts = { hits: 3, misses: 2, invalidations: 1, size: 4 }

test('counters of several processes are added up, and the listening gauge is the minimum', async (t) => {
  const read: (() => Promise<object>)[] = []
  const create = (isListening: boolean) =>
    createMetrics({
      hashes: () => ({ running: 0, waiting: 0 }),
      pool: undefined,
      accessCache: () => ({ ...counts, isListening }),
      keys: { activeSince: null },
      clock: () => new Date(),
      skew: () => 0,
      passwordProvider: { name: 'local' },
      share: (own) => {
        read.push(own)
        return () => Promise.all(read.map((each) => each()))
      },
    })
  const [first] = [create(true), create(true), create(false)]
  const lines = (await first.read()).split('\n')
  for (const line of [
    'claimgate_webhook_cache_total{event="hit"} 9',
    'claimgate_webhook_cache_total{event="miss"} 6',
    'claimgate_webhook_cache_total{event="invalidation"} 3',
    'claimgate_webhook_cache_entries 12',
    'claimgate_webhook_cache_listening 0',
    'claimgate_processes 3',
  ])
    t.true(lines.includes(line), line)
})
