/** What a worker process tells the primary one. */
export type FromWorker =
  /** It serves; `startupMessage` is what to print when all do. */
  | { kind: 'ready'; startupMessage: string }
  /** It cannot start, and nor could another in its place. `problems` are those of a configuration. */
  | { kind: 'failed'; message: string; problems?: readonly string[] }
  /** It was asked for the metrics, and wants those of everybody. */
  | { kind: 'collect'; id: number }
  /** Its own metrics, as it was asked. */
  | { kind: 'metrics'; id: number; metrics: object }

/** What the primary process tells a worker. */
export type FromPrimary =
  | { kind: 'read'; id: number }
  /** The metrics of all workers; null when one of them did not answer in time. */
  | { kind: 'collected'; id: number; all: object[] | null }

/** Questions that are sent one way, and answers that come back by their numbers. */
export type Questions<T> = {
  /** Sends a question under a new number. Rejects when there is no answer within the limit. */
  ask(send: (id: number) => void): Promise<T>
  /** Takes an answer; one that nobody waits for any more is dropped. */
  answered(id: number, answer: T): void
}

/** No question is open. `limit` is in milliseconds. */
export function createQuestions<T>(limit: number): Questions<T> {
  const open = new Map<number, (answer: T) => void>()
  let last = 0
  return {
    ask: (send) => {
      const id = ++last
      const answer = new Promise<T>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error('A process did not answer in time')), limit)
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
