import test from '../_test.ts'
import { createSample } from './_metrics.ts'

const counts = { hits: 3, misses: 2, invalidations: 1, size: 4 }

test('counters of several processes are added up from 0, and the listening gauge is the minimum', async (t) => {
  const read: (() => Promise<object>)[] = []
  const create = (isListening: boolean) =>
    createSample({
      accessCache: () => ({ ...counts, isListening }),
      share: (own) => {
        read.push(own)
        return () => Promise.all(read.map((each) => each()))
      },
    })
  const [first, second] = [create(true), create(true), create(false)]
  second.announced('refresh.late', {})
  const lines = (await first.read()).split('\n')
  for (const line of [
    'claimgate_events_total{event="refresh.reuse",code="invalid_token"} 0',
    'claimgate_events_total{event="refresh.late",code=""} 1',
    'claimgate_refreshes_total{outcome="late"} 1',
    'claimgate_logins_total{provider="github",outcome="provider_error"} 0',
    'claimgate_webhook_cache_total{event="hit"} 9',
    'claimgate_webhook_cache_total{event="miss"} 6',
    'claimgate_webhook_cache_total{event="invalidation"} 3',
    'claimgate_webhook_cache_entries 12',
    'claimgate_webhook_cache_listening 0',
    'claimgate_build_info{version="1.2.3",schema="0001_init"} 1',
    'claimgate_processes 3',
  ])
    t.true(lines.includes(line), line)
})
