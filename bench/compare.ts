import type { Rate } from './load.ts'

/** The value in the middle. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

/** Something to be measured beside its limit. `target` is the ratio that it should have, if there is one. */
export type Case = {
  name: string
  target?: number
  product: () => Promise<Rate>
  limit: () => Promise<Rate>
}

/** Runs product and limit of each case by turns and prints the medians of the rounds and their ratio, a line each. */
export async function compare(rounds: number, cases: readonly Case[]): Promise<void> {
  console.log(`| case | gateway /s | limit /s | ratio | target | p99 ms |\n|${' --- |'.repeat(6)}`)
  for (const { name, target, product, limit } of cases) {
    // Whoever has just started is not what anybody works with.
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
