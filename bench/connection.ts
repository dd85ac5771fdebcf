import { once } from 'node:events'
import { connect } from 'node:net'

/** An HTTP response with its body as text. */
export type Answer = { status: number; body: string }

/** A persistent connection with at most one pending request. */
export type Connection = {
  /** Sends the bytes of a request and waits for the answer. Rejects when the connection ends before. */
  send(request: Buffer): Promise<Answer>
  close(): void
  /** Returns false after the server has closed the connection. */
  isOpen(): boolean
}

const headEnd = Buffer.from('\r\n\r\n')

/**
 * Opens a minimal connection: it writes prepared bytes and reads responses with a Content-Length. The load shares the
 * cores with the measured process, so it must cost little.
 */
export async function openConnection(base: string): Promise<Connection> {
  const { hostname, port } = new URL(base)
  const socket = connect(Number(port), hostname).setNoDelay()
  await once(socket, 'connect')
  let received: Buffer[] = []
  let waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | null = null
  const fail = (error: Error) => {
    waiting?.reject(error)
    waiting = null
  }
  socket.on('data', (chunk: Buffer) => {
    received.push(chunk)
    const answer = readAnswer(received.length === 1 ? chunk : Buffer.concat(received))
    if (answer === null) return
    received = []
    const { resolve } = waiting ?? {}
    waiting = null
    resolve?.(answer)
  })
  socket.on('error', fail)
  socket.on('close', () => fail(new Error('the connection was closed')))
  return {
    send: (request) =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject }
        if (socket.destroyed) fail(new Error('the connection was closed'))
        else socket.write(request)
      }),
    close: () => void socket.destroy(),
    isOpen: () => !socket.destroyed,
  }
}

/** Returns the bytes of a request; `body` is sent as JSON. */
export function writeRequest(
  method: string,
  url: string,
  headers: Readonly<Record<string, string>> = {},
  body?: object,
): Buffer {
  const { pathname, host } = new URL(url)
  const content = body === undefined ? '' : JSON.stringify(body)
  const ofBody = body && {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(content)),
  }
  const lines = Object.entries({ host, ...headers, ...ofBody }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  )
  return Buffer.from(`${method} ${pathname} HTTP/1.1\r\n${lines.join('')}\r\n${content}`)
}

/** Returns the response; null while it is incomplete. */
function readAnswer(bytes: Buffer): Answer | null {
  const end = bytes.indexOf(headEnd)
  if (end < 0) return null
  const head = bytes.toString('latin1', 0, end)
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1])
  const start = end + headEnd.length
  if (bytes.length < start + length) return null
  return { status: Number(head.slice(9, 12)), body: bytes.toString('utf8', start) }
}
