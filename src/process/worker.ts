import type { Worker } from 'node:cluster'
import { GatewayError } from '../errors.ts'
import type { ShareMetrics } from '../observability/metrics.ts'
import { createQuestions, type FromPrimary, type FromWorker } from './worker-messages.ts'

/** A worker's side of the talk with its primary process. */
export type Primary = {
  ready(startupMessage: string): void
  /** Says what keeps the gateway from starting; settles when that is on its way. */
  failed(message: string, problems?: readonly string[]): Promise<void>
  shareMetrics: ShareMetrics
}

// In milliseconds; longer than the primary process waits for each worker.
const patience = 6_000

/** Connects a worker to the process that has started it. */
export function connectPrimary(worker: Worker): Primary {
  const send = (message: FromWorker, done = () => {}) => void worker.send(message, undefined, done)
  const questions = createQuestions<object[] | null>(patience)
  return {
    ready: (startupMessage) => send({ kind: 'ready', startupMessage }),
    failed: (message, problems) =>
      new Promise((resolve) => send({ kind: 'failed', message, ...(problems && { problems }) }, resolve)),
    shareMetrics: (read) => {
      worker.on('message', (message: FromPrimary) => {
        if (message.kind === 'collected') questions.answered(message.id, message.all)
        if (message.kind === 'read')
          void read().then(
            (metrics) => send({ kind: 'metrics', id: message.id, metrics }),
            // Whoever asked will have waited in vain, and says so.
            () => {},
          )
      })
      return async () => {
        const all = await questions.ask((id) => send({ kind: 'collect', id })).catch(() => null)
        // The sum of some would look as if the counters had begun anew.
        if (all === null) throw new GatewayError('overloaded', { headers: { 'Retry-After': '5' } })
        return all
      }
    },
  }
}
