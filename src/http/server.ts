import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'

export type ServerSettings = {
  port: number
  host: string
  /** Seconds that the headers of a request may take, and the whole of it. */
  headersTimeout: number
  requestTimeout: number
  /** Answers what is no request. */
  onClientError: (error: NodeJS.ErrnoException, socket: Duplex) => void
}

export type RunningServer = {
  port: number
  /** Stops accepting, lets running requests finish for at most `grace` seconds, then cuts them off. */
  close(grace: number): Promise<void>
}

/** Listens; port 0 takes a free one. Rejects when the port is taken. */
export async function listen(
  listener: RequestListener,
  { port, host, headersTimeout, requestTimeout, onClientError }: ServerSettings,
): Promise<RunningServer> {
  const server = createServer({
    headersTimeout: headersTimeout * 1000,
    requestTimeout: requestTimeout * 1000,
    // Longer than load balancers keep idle connections, or they would send into one that is just being closed.
    keepAliveTimeout: 65_000,
    // Node looks for those that are late only every so often.
    connectionsCheckingInterval: 500,
    // Its own refusal would have no body and no headers; the steps refuse it (targetCheck).
    requireHostHeader: false,
  })
  const unanswered = watchAnswers(server)
  server.on('request', listener)
  // An expectation that nobody knows may be ignored (RFC 9110, section 10.1.1).
  server.on('checkExpectation', (req, res) => server.emit('request', req, res))
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const waiting = unanswered.get(socket) ?? []
    // A request that has come whole is not what is wrong: its answer is still to come, and the error is behind it.
    const whole = waiting.filter(({ req }) => req.complete)
    const last = whole.at(-1)
    if (last) last.once('finish', () => socket.destroy())
    else if (waiting.some((res) => res.headersSent)) socket.destroy()
    else onClientError(error, socket)
  })
  await new Promise<void>((resolve, reject) => {
    const refuse = (cause: NodeJS.ErrnoException) => {
      const cure = cause.code === 'EADDRINUSE' ? '. Stop what listens there, or set PORT to another port' : ''
      reject(new Error(`Cannot listen on ${host}:${port}: ${cause.message}${cure}`, { cause }))
    }
    server.once('error', refuse)
    server.listen(port, host, () => {
      server.off('error', refuse)
      resolve()
    })
  })
  return { port: (server.address() as AddressInfo).port, close: (grace) => close(server, unanswered, grace) }
}

/** The answers that are still to come on each connection. */
type Unanswered = ReadonlyMap<Socket, readonly ServerResponse[]>

/**
 * Keeps note of the answers that are still to come. They are kept by connection, because a set of answers, which come
 * and go with every request, leaves a chain of outgrown tables behind that keeps them from being collected young.
 */
function watchAnswers(server: Server): Unanswered {
  const connections = new Map<Socket, ServerResponse[]>()
  server.on('connection', (socket) => {
    connections.set(socket, [])
    socket.once('close', () => connections.delete(socket))
  })
  server.on('request', ({ socket }, res) => {
    const waiting = connections.get(socket) ?? []
    waiting.push(res)
    res.once('close', () => void waiting.splice(waiting.indexOf(res), 1))
  })
  return connections
}

async function close(server: Server, unanswered: Unanswered, grace: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  // Answers that are still to come must not keep their connections open.
  const letGo = (res: ServerResponse) => void (res.headersSent || res.setHeader('Connection', 'close'))
  for (const res of [...unanswered.values()].flat()) letGo(res)
  server.prependListener('request', (_req, res) => letGo(res))
  server.closeIdleConnections()
  // Browsers and load balancers connect in advance, which Node does not count as idle.
  for (const socket of [...unanswered.keys()]) if (socket.bytesRead === 0) socket.destroy()
  const timer = setTimeout(() => server.closeAllConnections(), grace * 1000)
  await closed
  clearTimeout(timer)
}
