import { GatewayError } from '../errors.ts'

export type FairQueueSettings = {
  /** The maximum of works that run at once. */
  concurrency: number
  /** The maximum of waiting works. */
  capacity: number
  /** The maximum of running and waiting works of one key. */
  perKey: number
  /** The maximum wait in seconds. */
  wait: number
  /** Creates the error of a refused work; `overloaded` by default. */
  refusal?: () => GatewayError
}

export type FairQueue = ReturnType<typeof createFairQueue>

/** A work that waits. Both functions end its wait. */
type Waiting = { admit(): void; refuse(): void }

/**
 * Creates a queue in which keys take turns: a key with many works delays another key by at most one work. When the queue
 * is full, a work of the key with the most waiting works gives way to a key with fewer.
 */
export function createFairQueue({
  concurrency,
  capacity,
  perKey,
  wait,
  refusal = overloaded,
}: FairQueueSettings) {
  /** The waiting works by key; the first key has the next turn. */
  const lines = new Map<string, Waiting[]>()
  /** The numbers of running and waiting works by key. */
  const counts = new Map<string, number>()
  let running = 0
  let waiting = 0

  function count(key: string, change: 1 | -1): void {
    const total = (counts.get(key) ?? 0) + change
    if (total === 0) counts.delete(key)
    else counts.set(key, total)
  }

  /** Removes a work from its line; by default, the last one. */
  function remove(key: string, line: Waiting[], at = line.length - 1): Waiting | undefined {
    const [removed] = line.splice(at, 1)
    if (line.length === 0) lines.delete(key)
    waiting--
    return removed
  }

  /** Refuses the last work of the longest line, unless the line of `key` would then be as long. */
  function makeRoom(key: string): boolean {
    let most = (lines.get(key)?.length ?? 0) + 1
    let longest: [key: string, line: Waiting[]] | undefined
    for (const [other, line] of lines) {
      if (line.length <= most) continue
      most = line.length
      longest = [other, line]
    }
    if (longest) remove(...longest)?.refuse()
    return longest !== undefined
  }

  function waitInLine(key: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const line = lines.get(key) ?? []
      const refuse = () => {
        clearTimeout(timer)
        reject(refusal())
      }
      const admit = () => {
        clearTimeout(timer)
        resolve()
      }
      const entry = { admit, refuse }
      const timer = setTimeout(() => remove(key, line, line.indexOf(entry))?.refuse(), wait * 1000)
      line.push(entry)
      lines.set(key, line)
      waiting++
    })
  }

  /** Admits the next work: the first of the first line. The key goes to the end. */
  function admitNext(): void {
    const [next] = lines
    if (next === undefined) return
    const [key, line] = next
    const first = remove(key, line, 0)
    if (line.length > 0) {
      lines.delete(key)
      lines.set(key, line)
    }
    running++
    first?.admit()
  }

  async function takeTurn(key: string): Promise<void> {
    if (running < concurrency) running++
    else if (waiting < capacity || makeRoom(key)) await waitInLine(key)
    else throw refusal()
  }

  return {
    /** Runs a work of a key in its turn. Throws the refusal for too many works, and after the maximum wait. */
    run: async <T>(key: string, work: () => Promise<T>): Promise<T> => {
      if ((counts.get(key) ?? 0) >= perKey) throw refusal()
      count(key, 1)
      try {
        await takeTurn(key)
        try {
          return await work()
        } finally {
          running--
          admitNext()
        }
      } finally {
        count(key, -1)
      }
    },
    /** Returns the numbers of running and waiting works. */
    load: () => ({ running, waiting }),
  }
}

function overloaded(): GatewayError {
  return new GatewayError('overloaded', { headers: { 'Retry-After': '5' } })
}
