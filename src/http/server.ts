import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export type RunningServer = {
  port: number
  /** Stops accepting, lets running requests finish for at most `grace` seconds, then cuts them off. */
  close(grace: number): Promise<void>
}

/** Listens; port 0 takes a free one. Rejects when the port is taken. */
export async function listen(listener: RequestListener, port: number, host: string): Promise<RunningServer> {
  const server = createServer({
    requestTimeout: 30_000,
    headersTimeout: 10_000,
    connectionsCheckingInterval: 1_000,
  })
  server.on('request', listener)
  await new Promise<void>((resolve, reject) => {
    const refuse = (cause: Error) =>
      reject(new Error(`Cannot listen on ${host}:${port}: ${cause.message}`, { cause }))
    server.once('error', refuse)
    server.listen(port, host, () => {
      server.off('error', refuse)
      resolve()
    })
  })
  return { port: (server.address() as AddressInfo).port, close: (grace) => close(server, grace) }
}

async function close(server: Server, grace: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  // Answers that are still to come must not keep their connections open.
  server.on('request', (_req, res) => void res.setHeader('Connection', 'close'))
  server.closeIdleConnections()
  const timer = setTimeout(() => server.closeAllConnections(), grace * 1000)
  await closed
  clearTimeout(timer)
}
