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

/** The key of a work, after the keys of the groups that it is in, such as a network and an address. */
export type KeyPath = readonly [string, ...string[]]

export type FairQueue = ReturnType<typeof createFairQueue>

/** A work that waits. Both functions end its wait. */
type Waiting = { path: KeyPath; admit(): void; refuse(): void }

/** A key with running or waiting works: their number, and the turns that it has had. */
type Active = { group: string; works: number; turns: number }

/**
 * Creates a queue in which groups take turns, and keys within a group: a group or key with many works delays another by
 * at most one work. When the queue is full, a work of the group and key with the most waiting works gives way to one with
 * fewer.
 */
export function createFairQueue({
  concurrency,
  capacity,
  perKey,
  wait,
  refusal = overloaded,
}: FairQueueSettings) {
  /** In the order of arrival. */
  const waiting: Waiting[] = []
  const active = new Map<string, Active>()
  let running = 0

  /** Counts a work. A new key begins with the turns of the key of its group with the fewest, so it gains nothing. */
  function enter(path: KeyPath): void {
    for (const [level, key] of path.entries()) {
      const known = active.get(key)
      if (known) known.works++
      else {
        const group = path[level - 1] ?? ''
        active.set(key, { group, works: 1, turns: fewestTurns(group) })
      }
    }
  }

  function fewestTurns(group: string): number {
    const turns = [...active.values()].filter((each) => each.group === group).map((each) => each.turns)
    return turns.length === 0 ? 0 : Math.min(...turns)
  }

  function leave(path: KeyPath): void {
    for (const key of path) {
      const known = active.get(key)
      if (known && --known.works === 0) active.delete(key)
    }
  }

  function begin(path: KeyPath): void {
    running++
    for (const key of path) (active.get(key) as Active).turns++
  }

  /** Returns true for a path that has had fewer turns where the two differ first. */
  function isBefore(path: KeyPath, other: KeyPath): boolean {
    const level = path.findIndex((key, at) => key !== other[at])
    return level >= 0 && turnsOf(path[level]) < turnsOf(other[level])
  }

  function turnsOf(key: string | undefined): number {
    return active.get(key ?? '')?.turns ?? 0
  }

  /** Removes a waiting work; undefined when it does not wait any more. */
  function remove(entry: Waiting): Waiting | undefined {
    const at = waiting.indexOf(entry)
    return at < 0 ? undefined : waiting.splice(at, 1)[0]
  }

  /** Refuses the last work of the group and key with the most waiting works, unless this path would then have as many. */
  function makeRoom(path: KeyPath): boolean {
    let works = waiting
    for (const [level, key] of path.entries()) {
      const own = works.filter((entry) => entry.path[level] === key)
      const victims = longestLine(works, level)
      if (victims.length > own.length + 1) {
        const last = path
          .slice(level + 1)
          .reduce((line, _, at) => longestLine(line, level + 1 + at), victims)
          .at(-1)
        if (last && remove(last)) last.refuse()
        return true
      }
      works = own
    }
    return false
  }

  function waitForTurn(path: KeyPath): Promise<void> {
    return new Promise((resolve, reject) => {
      const entry: Waiting = {
        path,
        admit: () => {
          clearTimeout(timer)
          resolve()
        },
        refuse: () => {
          clearTimeout(timer)
          reject(refusal())
        },
      }
      const timer = setTimeout(() => remove(entry)?.refuse(), wait * 1000)
      waiting.push(entry)
    })
  }

  /** Admits the work that has had the fewest turns; of several, the first to arrive. */
  function admitNext(): void {
    const [first, ...others] = waiting
    if (first === undefined) return
    const next = others.reduce((best, entry) => (isBefore(entry.path, best.path) ? entry : best), first)
    remove(next)
    begin(next.path)
    next.admit()
  }

  async function takeTurn(path: KeyPath): Promise<void> {
    if (running < concurrency) begin(path)
    else if (waiting.length < capacity || makeRoom(path)) await waitForTurn(path)
    else throw refusal()
  }

  return {
    /** Runs a work in its turn. Throws the refusal for too many works, and after the maximum wait. */
    run: async <T>(path: KeyPath, work: () => Promise<T>): Promise<T> => {
      if ((active.get(path.at(-1) ?? '')?.works ?? 0) >= perKey) throw refusal()
      enter(path)
      try {
        await takeTurn(path)
        try {
          return await work()
        } finally {
          running--
          admitNext()
        }
      } finally {
        leave(path)
      }
    },
    /** Returns the numbers of running and waiting works. */
    load: () => ({ running, waiting: waiting.length }),
  }
}

/** Returns the works of the key of this level with the most works; of several keys, of the last to arrive. */
function longestLine(works: readonly Waiting[], level: number): Waiting[] {
  const lines = new Map<string | undefined, Waiting[]>()
  for (const entry of works) {
    const line = lines.get(entry.path[level])
    if (line) line.push(entry)
    else lines.set(entry.path[level], [entry])
  }
  return [...lines.values()].reduce((longest, line) => (line.length >= longest.length ? line : longest), [])
}

function overloaded(): GatewayError {
  return new GatewayError('overloaded', { headers: { 'Retry-After': '5' } })
}
