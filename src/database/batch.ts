type Caller<Row> = { resolve(row: Row | null): void; reject(error: unknown): void }

/**
 * Creates a read of one row by its key that reads the rows of concurrent calls together. `read` gets each key once and
 * returns the rows by key. The calls of one turn of the event loop share a statement. While `concurrency` statements run,
 * further calls wait for the end of one. So a row is never older than its call. An error of a statement is the error of
 * its calls and of the waiting calls, which would wait for the time limit of another statement.
 */
export function createBatchedRead<Row>(
  read: (keys: readonly string[]) => Promise<ReadonlyMap<string, Row>>,
  concurrency = 2,
): (key: string) => Promise<Row | null> {
  let waiting = new Map<string, Caller<Row>[]>()
  let isScheduled = false
  let running = 0

  async function flush(): Promise<void> {
    isScheduled = false
    const batch = waiting
    waiting = new Map()
    running++
    try {
      const rows = await read([...batch.keys()])
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
