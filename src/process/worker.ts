import type { Worker } from 'node:cluster'
import { GatewayError } from '../errors.ts'
import type { ShareMetrics } from '../observability/metrics.ts'
import { createQuestions, type FromPrimary, type FromWorker } from './worker-messages.ts'

/** A worker's connection to its primary process. */
export type Primary = {
  ready(startupMessage: string): void
  /** Says what keeps the gateway from starting; settles when that is on its way. */
  failed(message: string, problems?: readonly string[]): Promise<void>
  shareMetrics: ShareMetrics
}

// In milliseconds; longer than the primary process waits for a worker.
const patience = 6_000

/** Connects a worker to its primary process. */
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
            // The requesting worker reports the missing answer.
            () => {},
          )
      })
      return async () => {
        const all = await questions.ask((id) => send({ kind: 'collect', id })).catch(() => null)
        // A partial sum would look like a reset of the counters.
        if (all === null) throw new GatewayError('overloaded', { headers: { 'Retry-After': '5' } })
        return all
      }
    },
  }
}
