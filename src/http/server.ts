import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { maxHeaderSize } from './header-size.ts'

export type ServerSettings = {
  port: number
  host: string
  /** The variable of the port, for the error of a port in use. Default PORT. */
  portVariable?: string
  /** The time in seconds that an idle connection stays open for its next request. */
  keepAliveTimeout: number
  /** The time limit of the headers in seconds. */
  headersTimeout: number
  /** The time limit of the whole request in seconds. */
  requestTimeout: number
  /**
   * The time in seconds after which a connection without any activity is destroyed, such as one whose client does not
   * read its answers. Longer than the work of any request.
   */
  idleTimeout: number
  /** The maximum of open connections. Another one is closed at once. */
  maxConnections: number
  /** Called for each connection above the maximum. */
  onFull: () => void
  /** Answers a request that the HTTP parser rejects. */
  onClientError: (error: NodeJS.ErrnoException, socket: Duplex) => void
}

export type RunningServer = {
  port: number
  /**
   * Serves for `drain` more seconds, and closes each connection after its answer. Then stops accepting connections, waits
   * for running requests for at most `grace` seconds, and closes all connections.
   */
  close(times: { drain: number; grace: number }): Promise<void>
}

/** Starts to listen; port 0 takes a free port. Rejects for a port in use. */
export async function listen(
  listener: RequestListener,
  { port, host, portVariable = 'PORT', maxConnections, onFull, onClientError, ...timeouts }: ServerSettings,
): Promise<RunningServer> {
  const server = createServer({
    headersTimeout: timeouts.headersTimeout * 1000,
    requestTimeout: timeouts.requestTimeout * 1000,
    // Longer than the load balancer in front keeps it, so that no request meets a closing connection.
    keepAliveTimeout: timeouts.keepAliveTimeout * 1000,
    // The interval at which Node checks the time limits.
    connectionsCheckingInterval: 500,
    maxHeaderSize,
    // Node's answer would have no body and no headers; targetCheck rejects the request.
    requireHostHeader: false,
  })
  server.timeout = timeouts.idleTimeout * 1000
  // Their size limits the headers. Above this number Node drops headers silently, also those of a trusted proxy.
  server.maxHeadersCount = 0
  const unanswered = watchAnswers(server)
  // Not `maxConnections` of Node: a full worker would return the connection to the primary process, which offers it to
  // worker after worker, for ever when all are full.
  server.on('connection', (socket) => {
    if (unanswered.size <= maxConnections) return
    socket.destroy()
    onFull()
  })
  server.on('request', listener)
  // A server may ignore an unknown expectation (RFC 9110, section 10.1.1).
  server.on('checkExpectation', (req, res) => server.emit('request', req, res))
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const waiting = unanswered.get(socket) ?? []
    // The error comes after the complete requests, so their answers are sent first.
    const whole = waiting.filter(({ req }) => req.complete)
    const last = whole.at(-1)
    if (last) last.once('finish', () => socket.destroy())
    else if (waiting.some((res) => res.headersSent)) socket.destroy()
    else onClientError(error, socket)
  })
  await new Promise<void>((resolve, reject) => {
    const refuse = (cause: NodeJS.ErrnoException) => {
      const cure =
        cause.code === 'EADDRINUSE'
          ? `. Stop the process on this port, or set ${portVariable} to another port`
          : ''
      reject(new Error(`Cannot listen on ${host}:${port}: ${cause.message}${cure}`, { cause }))
    }
    server.once('error', refuse)
    server.listen(port, host, () => {
      server.off('error', refuse)
      resolve()
    })
  })
  return {
    port: (server.address() as AddressInfo).port,
    close: (times) => close(server, listener, unanswered, times),
  }
}

/** The unfinished answers by connection. */
type Unanswered = ReadonlyMap<Socket, readonly ServerResponse[]>

/**
 * Tracks the unfinished answers by connection. One set of all answers would change with every request: its outgrown
 * tables would keep the answers from early garbage collection.
 */
function watchAnswers(server: Server): Unanswered {
  const connections = new Map<Socket, ServerResponse[]>()
  server.on('connection', (socket) => {
    connections.set(socket, [])
    socket.once('close', () => connections.delete(socket))
  })
  // One function for all answers: a closure for each costs time.
  function forget(this: ServerResponse): void {
    const waiting = connections.get(this.req.socket) ?? []
    waiting.splice(waiting.indexOf(this), 1)
  }
  server.on('request', ({ socket }, res) => {
    connections.get(socket)?.push(res)
    res.on('close', forget)
  })
  return connections
}

// In milliseconds. A request may be on its way when the port closes.
const linger = 250
const quiet = 100
const longestQuiet = 1_000

async function close(
  server: Server,
  listener: RequestListener,
  unanswered: Unanswered,
  { drain, grace }: { drain: number; grace: number },
): Promise<void> {
  // Clients open their next connection at another replica, and an unfinished answer keeps no connection open.
  const letGo = (res: ServerResponse) => void (res.headersSent || res.setHeader('Connection', 'close'))
  for (const res of [...unanswered.values()].flat()) letGo(res)
  server.prependListener('request', (_req, res) => letGo(res))
  await sleep(drain * 1000)
  const resume = drain > 0 ? await holdRequests(server, listener) : () => {}
  // `http.Server.close` also closes idle connections, on which a request may be on its way.
  const closed = new Promise<void>((resolve) => void NetServer.prototype.close.call(server, () => resolve()))
  resume()
  if (drain > 0) await sleep(linger)
  server.close()
  // Browsers and load balancers open connections in advance. Node does not count them as idle.
  for (const socket of [...unanswered.keys()]) if (socket.bytesRead === 0) socket.destroy()
  const timer = setTimeout(() => server.closeAllConnections(), grace * 1000)
  await closed
  clearTimeout(timer)
}

/**
 * Holds new requests until no client connects for a moment, at most a second. Returns the function that answers
 * them. When a port closes, the kernel resets the connections that no process has accepted, and a client that waits for
 * its answer opens no other connection.
 */
async function holdRequests(server: Server, listener: RequestListener): Promise<() => void> {
  let isBusy = true
  let resume = () => {}
  const resumed = new Promise<void>((resolve) => {
    resume = resolve
  })
  server.off('request', listener)
  server.on('connection', () => {
    isBusy = true
  })
  server.on('request', (req, res) => {
    isBusy = true
    void resumed.then(() => listener(req, res))
  })
  for (const end = performance.now() + longestQuiet; isBusy && performance.now() < end; ) {
    isBusy = false
    await sleep(quiet)
  }
  return resume
}
