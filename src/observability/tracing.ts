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
import { isProbe, routeOf } from '../http/request.ts'

// The longest time to send the last spans, in milliseconds, so that the process ends.
const flushTime = 3_000

/**
 * Sends a span for each request to an OpenTelemetry collector, with child spans for statements and provider requests.
 * Spans contain the names of routes, statements and providers, and the request id. They contain no path, query,
 * statement text, value or message. The SDK reads OTEL_SERVICE_NAME and its other standard variables itself.
 * Nothing is registered globally, and no request waits for the collector. `traceProbes` also traces the requests of probes
 * and of Prometheus.
 */
export function createTracing(endpoint: string, { traceProbes }: { traceProbes: boolean }, log: Logger) {
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

  /** Runs `work` in a child span of the current request. Work outside of requests, such as key updates, has no span. */
  function inChild<T>(name: string, attributes: Attributes, work: () => Promise<T>): Promise<T> {
    const parent = current.getStore()
    if (!parent) return work()
    return inSpan(name, SpanKind.CLIENT, attributes, trace.setSpan(ROOT_CONTEXT, parent), work)
  }

  const traceRequest: Middleware = async function traceRequest(ctx, next) {
    if (!traceProbes && isProbe(ctx)) return next()
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
    /** Makes a span for every request, except of probes; the parent is the caller's `traceparent`. */
    traceRequest,
    instrumentRequest,
    instrumentStatement,
    /** Sends what is left, if the collector takes it in time. */
    close: async (): Promise<void> => {
      await Promise.race([provider.shutdown(), wait(flushTime, undefined, { ref: false })]).catch(() => {})
    },
  }
}

/** Logs the first failure of an export, and the first after a success. The SDK drops spans without a message. */
function reportFailure(exporter: SpanExporter, log: Logger): SpanExporter {
  let isAway = false
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        const hasFailed = result.code !== ExportResultCode.SUCCESS
        if (hasFailed && !isAway)
          log.warn(
            { err: result.error },
            'trace export failed; check the collector and the OTEL_EXPORTER_OTLP_ variables',
          )
        isAway = hasFailed
        done(result)
      }),
    forceFlush: async () => exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  }
}
