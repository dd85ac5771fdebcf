import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Effort } from './stage.ts'

/** The arguments and variables of the benchmark. */
export type Options = {
  effort: Effort
  /** The other benchmark that runs instead; without one, the gateway is measured against its limit. */
  only?: 'users' | 'replicas' | 'size'
  /** The folder of an older build to compare with. */
  against?: string
  /** The cases to measure; empty: all. */
  cases: string[]
}

/** Reads the arguments and the variables. Throws with a message for the caller of the command. */
export function readOptions(args: readonly string[], env: NodeJS.ProcessEnv): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      against: { type: 'string' },
      case: { type: 'string', multiple: true },
      users: { type: 'boolean' },
      replicas: { type: 'boolean' },
      size: { type: 'boolean' },
    },
  })
  const { against, case: names = [] } = values
  if (names.length > 0 && against === undefined) throw new Error('--case requires --against <checkout>')
  const only = (['users', 'replicas', 'size'] as const).filter((name) => values[name])
  if (only.length + (against === undefined ? 0 : 1) > 1)
    throw new Error('Only one of --against, --users, --replicas and --size is possible')
  return {
    effort: {
      seconds: positive('BENCH_SECONDS', env.BENCH_SECONDS ?? '3'),
      rounds: positive('BENCH_ROUNDS', env.BENCH_ROUNDS ?? '5'),
    },
    ...(only[0] && { only: only[0] }),
    ...(against !== undefined && { against }),
    cases: names.flatMap((each) => each.split(',')),
  }
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (value > 0 && Number.isFinite(value)) return value
  throw new Error(`${name}: "${text}" is not a positive number`)
}

/** Returns the program of a checkout. Throws when the folder does not exist or is not built. */
export function findProgram(checkout: string): string {
  if (!existsSync(checkout)) throw new Error(`--against ${checkout}: the folder does not exist`)
  const program = resolve(checkout, 'dist/src/main.js')
  if (!existsSync(program))
    throw new Error(`--against ${checkout}: the checkout is not built; run "npm ci && npm run build" there`)
  return program
}

/** Throws when a name is not one of `all`. */
export function checkNames(names: readonly string[], all: readonly string[]): void {
  const unknown = names.filter((name) => !all.includes(name))
  if (unknown.length > 0)
    throw new Error(`--case ${unknown.join(',')}: unknown; the cases are ${all.join(', ')}`)
}

/** Returns the members of `all` with the names, or all of them when no name is given. */
export function choose<Each>(all: Readonly<Record<string, Each>>, names: readonly string[]): Each[] {
  return Object.entries(all)
    .filter(([name]) => names.length === 0 || names.includes(name))
    .map(([, each]) => each)
}
