import cluster, { type Worker } from 'node:cluster'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Logger } from 'pino'
import { program } from '../root.ts'
import { createQuestions, type FromPrimary, type FromWorker } from './worker-messages.ts'

export type WorkersOptions = {
  /** The number of workers. */
  count: number
  /** The time that a worker may take to stop, in milliseconds; after it the worker is killed. */
  patience: number
  log: Logger
  /** True for a startup message in JSON. */
  isJson: boolean
  /** Called once, when all of them serve for the first time. */
  onReady: (startupMessage: string) => void
}

export type Workers = {
  /**
   * Resolves when all workers have ended: true when all stopped cleanly. Rejects when a worker failed to start while no
   * worker served, after the other workers have stopped.
   */
  ended: Promise<boolean>
  /** Stops all workers, and starts no more. */
  stop(): void
}

/** The error of a worker that failed to start; `problems` are configuration problems. */
export class WorkerError extends Error {
  readonly problems: readonly string[] | undefined

  constructor(message: string, problems: readonly string[] | undefined) {
    super(message)
    this.name = 'WorkerError'
    this.problems = problems
  }
}

type End = { code: number | null; signal: string | null; err?: WorkerError }

// Marks our own workers, because process managers also start cluster workers.
const mark = 'CLAIMGATE_WORKER'

/** The form of the startup message, which a worker writes. */
type Form = 'json' | 'text'

/** Returns the form of the startup message in a worker that `startWorkers` started; null in another process. */
export function readForm(env: Readonly<Record<string, string | undefined>>): Form | null {
  const form = env[mark]
  return form === 'json' || form === 'text' ? form : null
}

// In milliseconds.
const firstPause = 100
const longestPause = 10_000
const metricsPatience = 5_000

/** Starts this program in `count` processes that share its port, and replaces workers that end. */
export function startWorkers({ count, patience, log, isJson, onReady }: WorkersOptions): Workers {
  // JSON would change NaN to null.
  // Every worker, also one that replaces another after a build, is of the program of this process.
  cluster.setupPrimary({
    exec: fileURLToPath(new URL('src/main.js', program)),
    args: [],
    serialization: 'advanced',
  })
  const stopping = new AbortController()
  const running = new Set<Worker>()
  const serving = new Set<Worker>()
  const questions = createQuestions<object | null>(metricsPatience)
  let isAnnounced = false
  let isInOrder = true

  function stop(): void {
    if (stopping.signal.aborted) return
    stopping.abort()
    for (const worker of running) worker.kill('SIGTERM')
    setTimeout(() => {
      for (const worker of running) {
        log.error({ event: 'worker.killed', worker: worker.id }, 'worker did not stop in time; killing it')
        worker.kill('SIGKILL')
      }
    }, patience).unref()
  }

  /** Runs one worker until it ends. Throws its start failure, unless other workers serve. */
  async function run(): Promise<End> {
    const worker = cluster.fork({ [mark]: (isJson ? 'json' : 'text') satisfies Form })
    running.add(worker)
    // Every pending metrics request adds an exit listener.
    worker.setMaxListeners(0)
    let failure: WorkerError | undefined
    worker.on('message', (message: FromWorker) => {
      if (message.kind === 'failed') failure = new WorkerError(message.message, message.problems)
      if (message.kind === 'metrics') questions.answered(message.id, message.metrics)
      if (message.kind === 'collect')
        void collect().then((all) => tell(worker, { kind: 'collected', id: message.id, all }))
      if (message.kind === 'ready') {
        serving.add(worker)
        if (serving.size < count || isAnnounced) return
        isAnnounced = true
        onReady(message.startupMessage)
      }
    })
    const end = await new Promise<End>((resolve) => {
      worker.once('exit', (code, signal) => resolve({ code, signal }))
      // A process that could not be spawned emits no 'exit'.
      worker.once('error', () => resolve({ code: null, signal: null }))
    })
    running.delete(worker)
    serving.delete(worker)
    if (failure && serving.size === 0) throw failure
    return failure ? { ...end, err: failure } : end
  }

  /** Runs a worker, and replaces it when it ends. */
  async function keep(): Promise<void> {
    for (let pause = firstPause; ; pause = Math.min(2 * pause, longestPause)) {
      const began = performance.now()
      const end = await run()
      if (stopping.signal.aborted) {
        // The signal itself ends a worker that does not serve yet.
        isInOrder &&= end.code === 0 || end.signal === 'SIGTERM' || end.signal === 'SIGINT'
        return
      }
      log.error({ event: 'worker.ended', ...end }, 'worker ended; starting another')
      if (performance.now() - began > longestPause) pause = firstPause
      await sleep(pause, undefined, { signal: stopping.signal }).catch(() => {})
      if (stopping.signal.aborted) return
    }
  }

  /** Returns the metrics of a worker; null when it ends before its answer. */
  function readMetrics(worker: Worker): Promise<object | null> {
    let leave = () => {}
    const answer = questions.ask((id) => {
      leave = () => questions.answered(id, null)
      worker.once('exit', leave)
      tell(worker, { kind: 'read', id })
    })
    return answer.finally(() => worker.off('exit', leave))
  }

  /** Returns the metrics of all serving workers; null when a running worker does not answer. */
  function collect(): Promise<object[] | null> {
    return Promise.all([...serving].map(readMetrics)).then(
      (all) => all.filter((metrics) => metrics !== null),
      () => null,
    )
  }

  const kept = Array.from({ length: count }, keep)
  const ended = Promise.all(kept).then(
    () => isInOrder,
    async (error) => {
      stop()
      await Promise.allSettled(kept)
      throw error
    },
  )
  return { ended, stop }
}

/** Sends a message to a worker; a worker that has just ended does not receive it. */
function tell(worker: Worker, message: FromPrimary): void {
  worker.send(message, undefined, () => {})
}
