/** A message from a worker to the primary process. */
export type FromWorker =
  /** It serves; `startupMessage` is what to print when all do. */
  | { kind: 'ready'; startupMessage: string }
  /** It cannot start, and nor could another in its place. `problems` are those of a configuration. */
  | { kind: 'failed'; message: string; problems?: readonly string[] }
  /** The worker requests the metrics of all workers. */
  | { kind: 'collect'; id: number }
  /** The metrics of the worker, in answer to `read`. */
  | { kind: 'metrics'; id: number; metrics: object }

/** A message from the primary process to a worker. */
export type FromPrimary =
  | { kind: 'read'; id: number }
  /** The metrics of all workers; null when a worker did not answer in time. */
  | { kind: 'collected'; id: number; all: object[] | null }

/** Requests between processes, with answers that are matched by number. */
export type Questions<T> = {
  /** Sends a request with a new number. Rejects when no answer arrives within the limit. */
  ask(send: (id: number) => void): Promise<T>
  /** Receives an answer; an answer after the limit is dropped. */
  answered(id: number, answer: T): void
}

/** Creates an empty table of requests. `limit` is in milliseconds. */
export function createQuestions<T>(limit: number): Questions<T> {
  const open = new Map<number, (answer: T) => void>()
  let last = 0
  return {
    ask: (send) => {
      const id = ++last
      const answer = new Promise<T>((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Error(`A process did not answer within ${limit} ms`)),
          limit,
        )
        open.set(id, (value) => {
          clearTimeout(timer)
          resolve(value)
        })
        send(id)
      })
      return answer.finally(() => open.delete(id))
    },
    answered: (id, answer) => open.get(id)?.(answer),
  }
}
