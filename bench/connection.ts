import { connect } from 'node:net'

/** An HTTP response with its body as text. */
export type Answer = { status: number; body: string }

/** Receives the complete answers of a connection, one after the other, and its end. */
export type Receiver = {
  /** `read` parses the answer, which is valid during the call only. */
  answered: (isOk: boolean, read: () => Answer) => void
  /** The connection ended while a request was pending. */
  failed: (error: Error) => void
}

/** A persistent connection with at most one pending request. */
export type Connection = {
  /** Sends the bytes of a request. */
  send(request: Buffer): void
  close(): void
  /** Returns false after the server has closed the connection. */
  isOpen(): boolean
}

const headEnd = Buffer.from('\r\n\r\n')
const largestAnswer = 64 * 1024

/**
 * Opens a minimal connection: it writes prepared bytes and reads responses with a Content-Length. The load shares the
 * cores with the measured process, so it must cost little: the socket reads into one buffer, and an answer as long as
 * the one before is not parsed.
 */
export function openConnection(base: string, { answered, failed }: Receiver): Promise<Connection> {
  const { hostname, port } = new URL(base)
  const received = Buffer.allocUnsafe(largestAnswer)
  let filled = 0
  let usualLength = 0
  let isPending = false
  const read = () => readAnswer(received.subarray(0, filled)) as Answer
  const receive = (count: number, chunk: Uint8Array): boolean => {
    filled += (chunk as Buffer).copy(received, filled, 0, count)
    if (filled !== usualLength) {
      if (readAnswer(received.subarray(0, filled)) === null) return true
      usualLength = filled
    }
    isPending = false
    answered(isOk(received), read)
    return true
  }
  return new Promise((resolve, reject) => {
    const socket = connect({
      ...{ host: hostname, port: Number(port), noDelay: true },
      onread: { buffer: Buffer.allocUnsafe(largestAnswer), callback: receive },
    })
    const fail = (error: Error) => {
      reject(error)
      if (isPending) failed(error)
      isPending = false
    }
    socket.on('error', fail)
    socket.on('close', () => fail(new Error('the connection was closed')))
    socket.once('connect', () =>
      resolve({
        send: (request) => {
          isPending = true
          filled = 0
          if (socket.destroyed) fail(new Error('the connection was closed'))
          else socket.write(request)
        },
        close: () => void socket.destroy(),
        isOpen: () => !socket.destroyed,
      }),
    )
  })
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

/** Returns true for the status 200, the bytes 9 to 11 of an answer. */
function isOk(answer: Buffer): boolean {
  return answer[9] === 0x32 && answer[10] === 0x30 && answer[11] === 0x30
}

/** Returns the response; null while it is incomplete. */
function readAnswer(bytes: Buffer): Answer | null {
  const end = bytes.indexOf(headEnd)
  if (end < 0) return null
  const head = bytes.toString('latin1', 0, end)
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0)
  const start = end + headEnd.length
  if (bytes.length < start + length) return null
  return { status: Number(head.slice(9, 12)), body: bytes.toString('utf8', start) }
}
