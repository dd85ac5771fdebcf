import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export type ReceivedSpan = {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
  status: { code?: number }
  attributes: Record<string, unknown>
}

export type Collector = {
  /** The value of OTEL_EXPORTER_OTLP_ENDPOINT. */
  url: string
  spans: ReceivedSpan[]
  resource: Record<string, unknown>
  /** All received requests, unparsed. */
  raw(): string
  stop(): Promise<void>
}

type Value = { stringValue?: string; intValue?: number }
type Attributes = { key: string; value: Value }[]
type Body = {
  resourceSpans: {
    resource: { attributes: Attributes }
    scopeSpans: { spans: (Omit<ReceivedSpan, 'attributes'> & { attributes: Attributes })[] }[]
  }[]
}

/** Starts an OpenTelemetry collector on the loopback address that stores OTLP as JSON. */
export async function startCollector(): Promise<Collector> {
  const spans: ReceivedSpan[] = []
  const resource: Record<string, unknown> = {}
  let raw = ''
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    response.setHeader('Content-Type', 'application/json')
    response.statusCode = request.url === '/v1/traces' ? 200 : 404
    response.end('{}')
    raw += text
    for (const each of (JSON.parse(text) as Body).resourceSpans) {
      Object.assign(resource, read(each.resource.attributes))
      for (const span of each.scopeSpans.flatMap((scope) => scope.spans))
        spans.push({ ...span, attributes: read(span.attributes) })
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    resource,
    raw: () => raw,
    stop: async () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

function read(attributes: Attributes): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue]))
}
