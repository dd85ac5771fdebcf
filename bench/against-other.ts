import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findFreePort } from '../test/_postgres.ts'
import { alternate, median } from './compare.ts'
import { type Cases, type Contest, type Headers, pairOf, type Side, signIn } from './contest.ts'
import { loadCount, loadGet, loadLoops } from './load.ts'
import { childrenOf, cpuMs, cpuTimes, residentMiB, type Started } from './process.ts'
import type { OtherResult } from './result.ts'
import { countRoundTrips } from './round-trips.ts'

/** Runs a measurement on both builds in `rounds` alternating rounds, after a warm-up. */
function alternateSides<Result>(
  { now, before }: Contest,
  rounds: number,
  work: (side: Side) => Promise<Result>,
): Promise<Result[][]> {
  return alternate(
    rounds,
    [now, before].map((side) => () => work(side)),
  )
}

/** The cases that are not requests per second. */
export const otherCases: Cases<OtherResult[]> = {
  'round-trips': async (contest) => {
    const results = await alternateSides(contest, 1, async (side) => {
      const relay = await countRoundTrips(side.databaseUrl)
      const gateway = await side.start({ DATABASE_URL: relay.url })
      const trips: number[] = []
      // The median leaves out round trips of new connections and of work beside the logins.
      for (let login = 0; login < 40; login++) {
        const before = relay.count()
        await gateway.login()
        trips.push(relay.count() - before)
      }
      await side.stop(gateway)
      relay.close()
      return median(trips)
    })
    const values = pairOf(results, (trips) => trips)
    return [{ name: 'round trips of a login with limits', unit: '', values, target: { most: 3 } }]
  },

  start: async (contest) => {
    const known = await signIn(contest, 1)
    const results = await alternateSides(contest, Math.max(7, contest.rounds), (side) =>
      measureStart(side, known(side)[0] as Headers),
    )
    return (['/jwks', '/webhook'] as const).map((path) => ({
      name: `first 200 of \`${path}\`${path === '/webhook' ? ' with a token, which reads the database' : ''}`,
      ...{ unit: ' ms', values: pairOf(results, (times) => times[path]) },
      ...{ target: { most: 0.45 }, of: 'ratio' as const },
    }))
  },

  'first-requests': async (contest) => {
    const known = await signIn(contest, 1)
    const others: OtherResult[] = []
    for (const path of ['/webhook', '/user']) {
      const results = await alternateSides(contest, contest.rounds, (side) =>
        measureFirst(side, path, known(side)),
      )
      others.push({
        name: `CPU time of a \`${path}\` of the first 300, of a later one`,
        ...{ unit: ' ×', values: pairOf(results, (ratio) => ratio), target: { most: 2 } },
      })
    }
    return others
  },

  idle: async (contest) => {
    const results = await alternateSides(contest, Math.min(3, contest.rounds), (side) =>
      measureIdle(side, {}),
    )
    return [
      {
        name: 'idle memory (RSS)',
        ...{ unit: ' MiB', values: pairOf(results, ({ rss }) => rss) },
        ...{ target: { most: 0.62 }, of: 'ratio' as const },
      },
      { name: 'idle memory (PSS)', unit: ' MiB', values: pairOf(results, ({ pss }) => pss) },
    ]
  },

  embedded: async (contest) => {
    const results = await alternateSides(contest, Math.min(3, contest.rounds), (side) =>
      measureIdle(side, {
        DATABASE_URL: '',
        AUTH_DATA_DIR: join(mkdtempSync(join(contest.folder, 'embedded-')), 'data'),
      }),
    )
    const values = pairOf(results, ({ rss }) => rss)
    const name = `idle memory with the embedded database (RSS), Node ${process.version}`
    return [{ name, unit: ' MiB', values, target: { most: 260 } }]
  },

  workers: async (contest) => {
    const known = await signIn(contest, 1000)
    const results = await compareWorkers(contest, known)
    const target = { least: 1.7 }
    return [
      {
        name: '`/webhook` of two workers, of the rate of one',
        ...{ unit: ' ×', values: pairOf(results, ({ rates }) => rates), target },
      },
      {
        name: 'the same by CPU time, as if each worker had a core of its own',
        ...{ unit: ' ×', values: pairOf(results, ({ capacity }) => capacity), target },
      },
    ]
  },

  beside: async (contest) => {
    const known = await signIn(contest, 1000)
    const others: OtherResult[] = []
    for (const [name, gateway, most] of [
      ['from memory', 'gateway', 15],
      ['without memory', 'bare', 40],
    ] as const) {
      const results = await alternateSides(contest, contest.rounds, async (side) => {
        const { base, login } = side[gateway]
        const [{ p99 }] = await Promise.all([
          loadGet(`${base}/webhook`, 32, contest.seconds, known(side)),
          loadLoops(8, contest.seconds, login),
        ])
        return p99
      })
      others.push({
        name: `p99 of \`/webhook\` ${name} beside 8 logins`,
        ...{ unit: ' ms', values: pairOf(results, (p99) => p99), target: { most } },
      })
    }
    return others
  },

  // The last case, because it reads the memory that the others left.
  loaded: async ({ now, before }) => {
    const values = { now: residentMiB(now.gateway), before: residentMiB(before.gateway) }
    const name = 'memory after all of this (RSS)'
    return [{ name, unit: ' MiB', values, target: { most: 115 } }]
  },
}

/** Returns the milliseconds from the start of a process to its first 200 of each path. */
async function measureStart(side: Side, token: Headers): Promise<Record<'/jwks' | '/webhook', number>> {
  const port = String(await findFreePort())
  const beganAt = performance.now()
  const starting = side.start({ PORT: port })
  const until200 = async (path: string, headers = {}) => {
    for (;;) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers }).catch(() => null)
      const body = await response?.text()
      if (response?.status === 200) return performance.now() - beganAt
      // Until the start has ended, connections are refused and answers are 503.
      if (response && response.status !== 503) throw new Error(`GET ${path}: ${response.status} ${body}`)
      await sleep(5)
    }
  }
  try {
    return { '/jwks': await until200('/jwks'), '/webhook': await until200('/webhook', token) }
  } finally {
    await side.stop(await starting)
  }
}

/** Returns the CPU time of one of the first 300 requests as a multiple of one of the requests 3,300 to 6,300. */
async function measureFirst(side: Side, path: string, headers: Headers[]): Promise<number> {
  const gateway = await side.start()
  const costOf = async (count: number) => {
    const before = cpuMs(gateway)
    await loadCount(gateway.base + path, count, headers)
    return (cpuMs(gateway) - before) / count
  }
  const first = await costOf(300)
  await costOf(3000)
  const later = await costOf(3000)
  await side.stop(gateway)
  return first / later
}

/** Returns the memory of a process ten seconds after its start. */
async function measureIdle(
  side: Side,
  variables: Record<string, string>,
): Promise<{ rss: number; pss: number }> {
  const gateway = await side.start(variables)
  await (await fetch(`${gateway.base}/jwks`)).arrayBuffer()
  await sleep(10_000)
  const memory = { rss: residentMiB(gateway), pss: residentMiB(gateway, 'Pss') }
  await side.stop(gateway)
  return memory
}

/**
 * Returns for each build how much more two workers answer than one: measured, and by CPU time. The load runs on the same
 * cores, so the measured ratio is lower than with cores for each worker: there the busiest worker is the limit.
 */
async function compareWorkers(
  contest: Contest,
  known: (side: Side) => Headers[],
): Promise<{ rates: number; capacity: number }[][]> {
  const two = new Map<Side, Started & { base: string }>()
  for (const side of [contest.now, contest.before]) two.set(side, await side.start({ WEB_CONCURRENCY: '2' }))
  const ask = async (side: Side, { base, child }: Started & { base: string }) => {
    const pids = [child.pid ?? 0, ...childrenOf(child.pid ?? 0)]
    const before = pids.map((pid) => cpuTimes(pid)[0])
    const { perSecond, answers } = await loadGet(`${base}/webhook`, 32, contest.seconds, known(side))
    const used = pids.map((pid, n) => cpuTimes(pid)[0] - (before[n] ?? 0))
    return { perSecond, busiest: Math.max(...used) / answers }
  }
  const results = await alternateSides(contest, contest.rounds, async (side) => {
    const one = await ask(side, side.gateway)
    const both = await ask(side, two.get(side) as Started & { base: string })
    return { rates: both.perSecond / one.perSecond, capacity: one.busiest / both.busiest }
  })
  for (const [side, started] of two) await side.stop(started)
  return results
}
