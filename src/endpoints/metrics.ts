import type { Middleware } from '../context.ts'

/** Answers with the metrics, in the text format of Prometheus. */
export function createReadMetrics(metrics: { read(): Promise<string>; contentType: string }): Middleware {
  return async function readMetrics(ctx) {
    ctx.type = metrics.contentType
    ctx.body = await metrics.read()
  }
}
