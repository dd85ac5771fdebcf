import cluster, { type Worker } from 'node:cluster'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { createQuestions, type FromPrimary, type FromWorker } from './worker-messages.ts'

export type WorkersOptions = {
  /** How many run at a time. */
  count: number
  /** Milliseconds that a worker may take to end when it is told to; then it is killed. */
  patience: number
  log: Logger
  /** Called once, when all of them serve for the first time. */
  onReady: (startupMessage: string) => void
}

export type Workers = {
  /**
   * Settles when no worker is left: true when all have stopped in order. Rejects, after the others have stopped, with
   * what kept one from starting while nobody served.
   */
  ended: Promise<boolean>
  /** Tells all of them to stop, and starts no more. */
  stop(): void
}

/** Why a gateway does not start, in the words of a worker; `problems` are those of a configuration. */
export class WorkerError extends Error {
  readonly problems: readonly string[] | undefined

  constructor(message: string, problems: readonly string[] | undefined) {
    super(message)
    this.name = 'WorkerError'
    this.problems = problems
  }
}

type End = { code: number | null; signal: string | null; err?: WorkerError }

// Others, such as process managers, start workers too.
const mark = 'CLAIMGATE_WORKER'

/** Whether the environment is that of a worker that was started here. */
export function isOwnWorker(env: Readonly<Record<string, string | undefined>>): boolean {
  return env[mark] === 'true'
}

// In milliseconds.
const firstPause = 100
const longestPause = 10_000
const metricsPatience = 5_000

/** Starts this program again in `count` processes that share its port, and replaces those that die. */
export function startWorkers({ count, patience, log, onReady }: WorkersOptions): Workers {
  // As JSON, a number that is not known would arrive as null.
  cluster.setupPrimary({ serialization: 'advanced' })
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
        log.error({ event: 'worker.killed', worker: worker.id }, 'a worker does not stop; killing it')
        worker.kill('SIGKILL')
      }
    }, patience).unref()
  }

  /** Runs one worker until it ends. Throws what keeps it from starting, unless others serve and are better left alone. */
  async function run(): Promise<End> {
    const worker = cluster.fork({ [mark]: 'true' })
    running.add(worker)
    // Everybody who waits for its metrics wants to hear of its end.
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
      // A process that could not be made never ends.
      worker.once('error', () => resolve({ code: null, signal: null }))
    })
    running.delete(worker)
    serving.delete(worker)
    if (failure && serving.size === 0) throw failure
    return failure ? { ...end, err: failure } : end
  }

  /** Runs one worker after another. */
  async function keep(): Promise<void> {
    for (let pause = firstPause; ; pause = Math.min(2 * pause, longestPause)) {
      const began = performance.now()
      const end = await run()
      if (stopping.signal.aborted) {
        // Whoever had not begun to serve was ended by the signal itself.
        isInOrder &&= end.code === 0 || end.signal === 'SIGTERM' || end.signal === 'SIGINT'
        return
      }
      log.error({ event: 'worker.ended', ...end }, 'a worker has ended; starting another')
      if (performance.now() - began > longestPause) pause = firstPause
      await sleep(pause, undefined, { signal: stopping.signal }).catch(() => {})
      if (stopping.signal.aborted) return
    }
  }

  /** The metrics of a worker; null when it ends before it has answered. */
  function readMetrics(worker: Worker): Promise<object | null> {
    let leave = () => {}
    const answer = questions.ask((id) => {
      leave = () => questions.answered(id, null)
      worker.once('exit', leave)
      tell(worker, { kind: 'read', id })
    })
    return answer.finally(() => worker.off('exit', leave))
  }

  /** The metrics of all that serve; null when one of them lives and does not answer. */
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

/** Whoever has just died does not hear it. */
function tell(worker: Worker, message: FromPrimary): void {
  worker.send(message, undefined, () => {})
}
