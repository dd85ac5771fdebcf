import type { Rate } from './load.ts'

/** Returns the median. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

/** A measurement of the gateway and of its limit. `target` is the required ratio, if any. */
export type Case = {
  name: string
  target?: number
  product: () => Promise<Rate>
  limit: () => Promise<Rate>
}

/** Runs product and limit of each case in turn, and prints a line with the medians of the rounds and their ratio. */
export async function compare(rounds: number, cases: readonly Case[]): Promise<void> {
  console.log(`| case | gateway /s | limit /s | ratio | target | p99 ms |\n|${' --- |'.repeat(6)}`)
  for (const { name, target, product, limit } of cases) {
    // A warm-up, because a process that has just started is slow.
    await product()
    await limit()
    const ours: Rate[] = []
    const theirs: Rate[] = []
    for (let round = 0; round < rounds; round++) {
      ours.push(await product())
      theirs.push(await limit())
    }
    const [a, b] = [rateOf(ours), rateOf(theirs)]
    const p99 = median(ours.map((rate) => rate.p99))
    const wanted = target === undefined ? '' : `≥ ${target.toFixed(2)}`
    console.log(
      `| ${name} | ${a.toFixed(0)} | ${b.toFixed(0)} | ${(a / b).toFixed(2)} | ${wanted} | ${p99.toFixed(0)} |`,
    )
  }
}

function rateOf(rates: readonly Rate[]): number {
  return median(rates.map(({ perSecond }) => perSecond))
}
