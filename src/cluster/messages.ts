/** What a worker process tells the primary one. */
export type FromWorker =
  /** It serves; `welcome` is what to print when all do. */
  | { kind: 'ready'; welcome: string }
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
