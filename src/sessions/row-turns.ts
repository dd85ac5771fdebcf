import { GatewayError } from '../errors.ts'
import { createFairQueue, type FairQueue } from '../limits/fair-queue.ts'

/** Runs a statement of a row in its turn. Throws `database_unavailable` after the maximum wait. */
export type RowTurns = <T>(row: string, statement: () => Promise<T>) => Promise<T>

// A statement that waits for a locked row holds a connection, and the pool has ten.
const concurrency = 2
const capacity = 100

/** Creates turns in which at most two statements of one row run at once. `wait` is in seconds. */
export function createRowTurns(wait: number): RowTurns {
  const queues = new Map<string, FairQueue>()
  const refusal = () => new GatewayError('database_unavailable', { headers: { 'Retry-After': '5' } })
  return async (row, statement) => {
    const queue =
      queues.get(row) ??
      createFairQueue({ concurrency, capacity, perKey: Number.POSITIVE_INFINITY, wait, refusal })
    queues.set(row, queue)
    try {
      return await queue.run([row], statement)
    } finally {
      const { running, waiting } = queue.load()
      if (running + waiting === 0) queues.delete(row)
    }
  }
}

type Method = (first: Row, ...others: unknown[]) => Promise<unknown>
type Row = string | Uint8Array | { sessionId: string } | { id: string }

/** Returns a store whose named methods take turns by their first argument, a row. */
export function takeTurns<Store extends object>(
  store: Store,
  names: readonly (keyof Store)[],
  inTurn: RowTurns,
): Store {
  const inTurns = names.map((name) => {
    const method = store[name] as Method
    return [name, (...args: Parameters<Method>) => inTurn(keyOf(args[0]), () => method(...args))]
  })
  return { ...store, ...Object.fromEntries(inTurns) }
}

function keyOf(row: Row): string {
  if (typeof row === 'string') return row
  if (row instanceof Uint8Array) return Buffer.from(row).toString('base64')
  return 'sessionId' in row ? row.sessionId : row.id
}
