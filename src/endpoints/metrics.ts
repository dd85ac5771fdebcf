import { z } from 'zod'
import { type Middleware, withContract } from '../context.ts'

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
