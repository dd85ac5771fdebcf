import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { type ErrorCode, GatewayError } from '../errors.ts'
import { problemOf } from './error-handler.ts'

const codes: Record<string, ErrorCode> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
  HPE_HEADER_OVERFLOW: 'headers_too_large',
}

/** The errors of requests that Node's HTTP parser rejects before the first step. */
export const connectionErrors: readonly ErrorCode[] = [...Object.values(codes), 'malformed_request']

// The time in milliseconds in which a client can read its answer. A connection that is destroyed at once while the client
// is still sending is reset, and the client loses the answer.
const linger = 1_000

/**
 * Creates the handler of requests that Node's HTTP parser rejects: malformed, with too large headers, or too slow. The
 * answer has the headers and the format of every other error. The connection is closed, and destroyed a second later,
 * also when the client keeps its half of it open.
 */
export function createClientError(headers: Readonly<Record<string, string>>) {
  return function clientError(error: NodeJS.ErrnoException, socket: Duplex): void {
    if (socket.writableEnded) return
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    const known = new GatewayError(codes[error.code ?? ''] ?? 'malformed_request')
    const requestId = randomUUID()
    const body = problemOf(known, requestId)
    const all = {
      ...headers,
      'Content-Type': 'application/problem+json; charset=utf-8',
      'Content-Length': String(Buffer.byteLength(body)),
      'X-Request-Id': requestId,
      Connection: 'close',
    }
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
    socket.end(`HTTP/1.1 ${known.status} ${STATUS_CODES[known.status]}\r\n${lines.join('')}\r\n${body}`)
    const timer = setTimeout(() => socket.destroy(), linger)
    socket.once('close', () => clearTimeout(timer))
  }
}
