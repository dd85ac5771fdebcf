import type { PGlite, QueryOptions, Results } from '@electric-sql/pglite'
import pLimit from 'p-limit'

type Values = readonly unknown[]

/** The statements of a running transaction of an engine. */
export type EngineTransaction = {
  query<Row>(text: string, values?: Values, options?: QueryOptions): Promise<Results<Row>>
  exec(script: string): Promise<unknown>
  rollback(): Promise<void>
}

/** The embedded database with its one session, open in this process or in another one. */
export type Engine = Omit<EngineTransaction, 'rollback'> & {
  readonly closed: boolean
  /** Runs `work` in a transaction, while no other statement runs. */
  transaction<T>(work: (transaction: EngineTransaction) => Promise<T>): Promise<T>
  /** Runs `work` while no other caller, of any process, is inside `exclusively`. */
  exclusively<T>(work: () => Promise<T>): Promise<T>
  /** Listens to a channel, and returns the function that stops it. */
  listen(channel: string, onMessage: (message: string) => void): Promise<() => Promise<void>>
  close(): Promise<void>
}

/** Returns PGlite, which is open in this process, as an engine. */
export function createEngine(pglite: PGlite): Engine {
  const inTurn = pLimit(1)
  return {
    get closed() {
      return pglite.closed
    },
    query: (text, values = [], options) => pglite.query(text, [...values], options),
    exec: (script) => pglite.exec(script),
    transaction: (work) =>
      pglite.transaction((transaction) =>
        work({
          query: (text, values = [], options) => transaction.query(text, [...values], options),
          exec: (script) => transaction.exec(script),
          rollback: () => transaction.rollback(),
        }),
      ),
    exclusively: (work) => inTurn(work),
    listen: (channel, onMessage) => pglite.listen(channel, onMessage),
    close: () => pglite.close(),
  }
}
