import { writeRow } from './compare.ts'

/** A value of the new and of the old build. */
export type Pair = { now: number; before: number }

/** The largest or the smallest value that meets a target. */
export type Target = { most: number } | { least: number }

/** The CPU time per request in milliseconds and the requests per second of a case; targets are for the ratios. */
export type LoadResult = {
  name: string
  cpu: Pair
  perSecond: Pair
  targets: { cpu?: Target; perSecond?: Target }
}

/** Another measurement of both builds. The target is for the new value, or for the ratio of new to old. */
export type OtherResult = {
  name: string
  unit: string
  values: Pair
  target?: Target
  of?: 'value' | 'ratio'
}

export const loadHead = [
  ...['case', 'CPU per request', 'requests per second', 'new', 'old'],
  ...['target: CPU', 'target: per second', 'met'],
]
export const otherHead = ['measured', 'new', 'old', 'new / old', 'target', 'met']

/** Writes a case as a row of the table whose head is `loadHead`. */
export function writeLoad({ name, cpu, perSecond, targets }: LoadResult): string {
  const absolute = (key: keyof Pair) => `${digits(cpu[key])} ms, ${perSecond[key].toFixed(0)} /s`
  const isMet =
    (!targets.cpu || meets(ratioOf(cpu), targets.cpu)) &&
    (!targets.perSecond || meets(ratioOf(perSecond), targets.perSecond))
  return writeRow([
    ...[name, times(ratioOf(cpu)), times(ratioOf(perSecond)), absolute('now'), absolute('before')],
    ...[writeTarget(targets.cpu, ' ×'), writeTarget(targets.perSecond, ' ×'), isMet ? 'yes' : 'no'],
  ])
}

/** Writes a measurement as a row of the table whose head is `otherHead`. */
export function writeOther({ name, unit, values, target, of = 'value' }: OtherResult): string {
  const [suffix, value] = of === 'ratio' ? [' ×', ratioOf(values)] : [unit, values.now]
  const absolute = (key: keyof Pair) => digits(values[key]) + unit
  const met = target && (meets(value, target) ? 'yes' : 'no')
  return writeRow([
    ...[name, absolute('now'), absolute('before'), times(ratioOf(values))],
    ...[writeTarget(target, suffix), met ?? ''],
  ])
}

function meets(value: number, target: Target): boolean {
  return 'most' in target ? value <= target.most : value >= target.least
}

const ratioOf = ({ now, before }: Pair) => now / before
const times = (ratio: number) => `${ratio.toFixed(2)} ×`
const digits = (value: number) => value.toFixed(value < 1 ? 3 : value < 10 ? 2 : value < 100 ? 1 : 0)

function writeTarget(target: Target | undefined, unit: string): string {
  if (!target) return ''
  return 'most' in target ? `≤ ${target.most}${unit}` : `≥ ${target.least}${unit}`
}
