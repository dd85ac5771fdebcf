import { z } from 'zod'
import { type Middleware, withContract } from '../context.ts'
import { GatewayError } from '../errors.ts'

const healthAnswer = (status: string) => z.strictObject({ status: z.literal(status) })

/** Says that the process runs; asks nothing else. */
export function createHealthz(): Middleware {
  return withContract(
    { answers: { 200: { description: 'The process runs.', schema: healthAnswer('ok') } } },
    async function healthz(ctx) {
      ctx.body = { status: 'ok' }
    },
  )
}

/** Says whether requests can be served: the database is reachable and migrated. `isReady` may throw. */
export function createReadyz(isReady: () => Promise<boolean>): Middleware {
  return withContract(
    {
      answers: { 200: { description: 'Requests can be served.', schema: healthAnswer('ready') } },
      errors: ['database_unavailable'],
    },
    async function readyz(ctx) {
      if (!(await isReady()))
        throw new GatewayError('database_unavailable', {
          detail: 'The gateway is starting or stopping, or the database is not migrated',
          headers: { 'Retry-After': '5' },
        })
      ctx.body = { status: 'ready' }
    },
  )
}

/** Answers with the metrics, in the text format of Prometheus. */
export function createReadMetrics(metrics: { read(): Promise<string>; contentType: string }): Middleware {
  return withContract(
    {
      answers: {
        200: {
          description: 'The metrics in the text format of Prometheus.',
          type: 'text/plain',
          schema: z.string(),
        },
      },
    },
    async function readMetrics(ctx) {
      ctx.type = metrics.contentType
      ctx.body = await metrics.read()
    },
  )
}
