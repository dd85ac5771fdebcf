import { alternate, type Measured, measure, median } from './compare.ts'
import type { Rate } from './load.ts'
import type { Started } from './process.ts'
import type { LoadResult, Pair } from './result.ts'
import type { Asked, Effort, Ground, Site } from './stage.ts'
import { makeTokens } from './tokens.ts'

/** A build on its own database, with a gateway of default settings and one without limits and cache. */
export type Side = Site & { gateway: Asked; bare: Asked }

/** The running programs of a comparison of two builds. */
export type Contest = Effort & Ground & { folder: string; now: Side; before: Side; limit: Asked }

/** Measurements by name. */
export type Cases<Outcome> = Record<string, (contest: Contest) => Promise<Outcome>>

/** Measures the load `work` on both builds and runs `others` in the same alternating rounds. */
export async function measureBoth(
  { now, before, rounds }: Contest,
  programOf: (side: Side) => Started,
  work: (side: Side) => Promise<Rate>,
  ...others: (() => Promise<Measured>)[]
): Promise<Measured[][]> {
  const sides = [now, before].map((side) => () => measure(programOf(side), () => work(side)))
  return alternate(rounds, [...sides, ...others])
}

/** Returns the medians of the results of both builds. */
export function pairOf<Result>([now = [], before = []]: Result[][], value: (each: Result) => number): Pair {
  return { now: median(now.map(value)), before: median(before.map(value)) }
}

/** Returns the row of the results of both builds under load. */
export function loadOf(name: string, results: Measured[][], targets: LoadResult['targets']): LoadResult {
  const cpu = pairOf(results, (each) => each.cpu)
  return { name, cpu, perSecond: pairOf(results, ({ perSecond }) => perSecond), targets }
}

export type Headers = { authorization: string }

/** Returns the headers of new sessions of `count` random users, for the gateways of each build. */
export async function signIn(
  { pem, now, before }: Contest,
  count: number,
): Promise<(side: Side) => Headers[]> {
  const headers = new Map<Side, Headers[]>()
  for (const side of [now, before]) {
    const { token = '' } = await side.gateway.login()
    const anybody = `SELECT id FROM "user" CROSS JOIN generate_series(1, 2) ORDER BY random() LIMIT ${count}`
    const tokens = await makeTokens(side.databaseUrl, pem, token, anybody)
    headers.set(
      side,
      tokens.map((each) => ({ authorization: `Bearer ${each}` })),
    )
  }
  return (side) => headers.get(side) ?? []
}
