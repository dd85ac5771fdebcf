import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as wait } from 'node:timers/promises'
import {
  type Attributes,
  type Context,
  defaultTextMapGetter,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { ExportResultCode, W3CTraceContextPropagator } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-base'
import type { Logger } from 'pino'
import type { InstrumentRequest } from '../authentication/strategies.ts'
import type { Middleware } from '../context.ts'
import type { InstrumentStatement } from '../database/database.ts'
import { GatewayError } from '../errors.ts'
import { routeOf } from '../http/request.ts'

export type Tracing = ReturnType<typeof createTracing>

// Milliseconds that a collector may take to receive the last spans; the process must end.
const flushTime = 3_000

/**
 * Sends a span for each request, with children for its statements and its requests to providers, to an OpenTelemetry
 * collector. Spans have names of routes, statements and providers and the id of the request: no path, query, statement
 * text, value or message. The SDK reads OTEL_SERVICE_NAME and its other standard variables itself. Nothing is
 * registered globally, and nobody ever waits for the collector.
 */
export function createTracing(endpoint: string, log: Logger) {
  const resource = resourceFromAttributes({ 'service.name': 'claimgate' })
  const exporter = reportFailure(new OTLPTraceExporter({ url: endpoint }), log)
  const provider = new BasicTracerProvider({
    resource: resource.merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  })
  const tracer = provider.getTracer('claimgate')
  const propagator = new W3CTraceContextPropagator()
  const current = new AsyncLocalStorage<Span>()

  async function inSpan<T>(
    name: string,
    kind: SpanKind,
    attributes: Attributes,
    parent: Context,
    work: (span: Span) => Promise<T>,
  ): Promise<T> {
    const span = tracer.startSpan(name, { kind, attributes }, parent)
    try {
      return await current.run(span, work, span)
    } catch (error) {
      span.setAttribute('error.type', error instanceof GatewayError ? error.code : 'server_error')
      span.setStatus({ code: SpanStatusCode.ERROR })
      throw error
    } finally {
      span.end()
    }
  }

  /** What is done outside of requests, such as looking for new keys every two seconds, is nobody's child. */
  function inChild<T>(name: string, attributes: Attributes, work: () => Promise<T>): Promise<T> {
    const parent = current.getStore()
    if (!parent) return work()
    return inSpan(name, SpanKind.CLIENT, attributes, trace.setSpan(ROOT_CONTEXT, parent), work)
  }

  const traceRequest: Middleware = async function traceRequest(ctx, next) {
    const caller = propagator.extract(ROOT_CONTEXT, ctx.req.headers, defaultTextMapGetter)
    const { method } = ctx
    const attributes = { 'http.request.method': method, 'claimgate.request_id': ctx.state.requestId }
    await inSpan(method, SpanKind.SERVER, attributes, caller, async (span) => {
      await next()
      const route = routeOf(ctx)
      if (route !== null) span.updateName(`${method} ${route}`).setAttribute('http.route', route)
      span.setAttribute('http.response.status_code', ctx.status)
      if (ctx.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
    })
  }

  const instrumentRequest: InstrumentRequest = (provider, request, work) =>
    inChild(`${provider} ${request}`, { 'claimgate.provider': provider }, work)

  const instrumentStatement: InstrumentStatement = (name, work) =>
    inChild(name, { 'db.system.name': 'postgresql', 'db.operation.name': name }, work)

  return {
    /** Makes a span of every request that passes; a caller's `traceparent` is its parent. */
    traceRequest,
    instrumentRequest,
    instrumentStatement,
    /** Sends what is left, if the collector takes it in time. */
    close: async (): Promise<void> => {
      await Promise.race([provider.shutdown(), wait(flushTime, undefined, { ref: false })]).catch(() => {})
    },
  }
}

/** Says once that spans do not arrive, and again after some did. The SDK itself drops them silently. */
function reportFailure(exporter: SpanExporter, log: Logger): SpanExporter {
  let isAway = false
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        const hasFailed = result.code !== ExportResultCode.SUCCESS
        if (hasFailed && !isAway) log.warn({ err: result.error }, 'traces do not reach the collector')
        isAway = hasFailed
        done(result)
      }),
    forceFlush: async () => exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  }
}
