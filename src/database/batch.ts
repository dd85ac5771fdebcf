type Caller<Row> = { resolve(row: Row | null): void; reject(error: unknown): void }

/**
 * Creates a statement for one row by its key that runs once for concurrent calls. `run` gets each key once and returns
 * the rows by key. Calls with equal texts share a row; a key that is an object has a row of its own. The calls of one
 * turn of the event loop share a statement. While `concurrency` statements run, further calls wait for the end of one.
 * So a row is never older than its call. An error of a statement is the error of its calls and of the waiting calls,
 * which would wait for the time limit of another statement.
 */
export function createBatch<Key, Row>(
  run: (keys: readonly Key[]) => Promise<ReadonlyMap<Key, Row>>,
  concurrency = 2,
): (key: Key) => Promise<Row | null> {
  let waiting = new Map<Key, Caller<Row>[]>()
  let isScheduled = false
  let running = 0

  async function flush(): Promise<void> {
    isScheduled = false
    const batch = waiting
    waiting = new Map()
    running++
    try {
      const rows = await run([...batch.keys()])
      for (const [key, callers] of batch) for (const { resolve } of callers) resolve(rows.get(key) ?? null)
    } catch (error) {
      const failed = [...batch.values(), ...waiting.values()].flat()
      waiting = new Map()
      for (const { reject } of failed) reject(error)
    } finally {
      running--
      schedule()
    }
  }

  function schedule(): void {
    if (isScheduled || waiting.size === 0 || running >= concurrency) return
    isScheduled = true
    setImmediate(flush)
  }

  return (key) =>
    new Promise((resolve, reject) => {
      const callers = waiting.get(key)
      if (callers) callers.push({ resolve, reject })
      else waiting.set(key, [{ resolve, reject }])
      schedule()
    })
}
