import * as z from 'zod'
import { type Middleware, withContract } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { GatewayError } from '../errors.ts'

const healthAnswer = (status: string) => z.strictObject({ status: z.literal(status) })

/** GET /healthz: answers while the process runs, in any state of the database. */
export function healthz(): Middleware {
  return withContract(
    { answers: { 200: { description: 'The process runs.', schema: healthAnswer('ok') } } },
    async function healthz(ctx) {
      ctx.body = { status: 'ok' }
    },
  )
}

/** GET /readyz: answers while requests can be served. Throws `database_unavailable`. */
export function readyz({ isReady }: Dependencies): Middleware {
  return withContract(
    {
      answers: { 200: { description: 'Requests can be served.', schema: healthAnswer('ready') } },
      errors: ['database_unavailable'],
    },
    async function readyz(ctx) {
      if (!(await isReady()))
        throw new GatewayError('database_unavailable', {
          detail: 'The gateway is starting or stopping, or the database is not migrated. Try again shortly.',
          headers: { 'Retry-After': '5' },
        })
      ctx.body = { status: 'ready' }
    },
  )
}

/** The metrics of a gateway that counts. */
export type Metrics = NonNullable<Dependencies['metrics']>

/** GET /metrics: answers with the metrics, in the text format of Prometheus. */
export function readMetrics(metrics: Metrics): Middleware {
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
