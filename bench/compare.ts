import type { Rate } from './load.ts'
import { cpuMs, type Started } from './process.ts'

/** Returns the median. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

/**
 * Runs each measurement once in every round, and returns the results of each. Other load on the machine affects all of
 * them. Results of the first round are left out, because a process that has just started is slow. The order alternates,
 * so that no measurement always has the caches of the same other one.
 */
export async function alternate<Result>(
  rounds: number,
  measurements: readonly (() => Promise<Result>)[],
): Promise<Result[][]> {
  const results = measurements.map((): Result[] => [])
  const order = [...measurements.entries()]
  for (let round = 0; round <= rounds; round++)
    for (const [number, measure] of round % 2 === 0 ? order : order.toReversed()) {
      const result = await measure()
      if (round > 0) results[number]?.push(result)
    }
  return results
}

/** The rate of a program under load, and its CPU time per request in milliseconds. */
export type Measured = Rate & { cpu: number }

/** Runs a load and measures the CPU time that a program needs for it. */
export async function measure(program: Started, load: () => Promise<Rate>): Promise<Measured> {
  const before = cpuMs(program)
  const rate = await load()
  return { ...rate, cpu: (cpuMs(program) - before) / rate.answers }
}

/** Writes one row of a Markdown table. */
export function writeRow(cells: readonly (string | number)[]): string {
  return `| ${cells.join(' | ')} |`
}

/** Writes the head of a Markdown table. */
export function writeHead(names: readonly string[]): string {
  return `${writeRow(names)}\n${writeRow(names.map(() => '---'))}`
}

/** A measurement of the gateway and of its limit. `target` is the required ratio, if any. */
export type Case = {
  name: string
  target?: number
  product: () => Promise<Rate>
  limit: () => Promise<Rate>
}

/** Alternates between product and limit of each case, and prints a row with the medians of the rounds and their ratio. */
export async function compare(rounds: number, cases: readonly Case[]): Promise<void> {
  console.log(writeHead(['case', 'gateway /s', 'limit /s', 'ratio', 'target', 'p99 ms']))
  for (const { name, target, product, limit } of cases) {
    const [ours = [], theirs = []] = await alternate(rounds, [product, limit])
    const [a, b] = [rateOf(ours), rateOf(theirs)]
    const p99 = median(ours.map((rate) => rate.p99))
    const wanted = target === undefined ? '' : `≥ ${target.toFixed(2)}`
    console.log(writeRow([name, a.toFixed(0), b.toFixed(0), (a / b).toFixed(2), wanted, p99.toFixed(0)]))
  }
}

function rateOf(rates: readonly Rate[]): number {
  return median(rates.map(({ perSecond }) => perSecond))
}
