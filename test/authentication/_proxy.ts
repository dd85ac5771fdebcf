import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import type { Duplex } from 'node:stream'

/** An HTTP proxy that reaches one server, under any name. */
export type Proxy = {
  port: number
  /** The requests: CONNECT with a host, or a method with an absolute URL. */
  requests: { method: string; target: string; authorization: string | undefined }[]
  stop(): Promise<void>
}

/** Starts a proxy on the loopback address. `port` is the port of the server; with `isSilent` it never answers. */
export async function startProxy(port: number, { isSilent = false } = {}): Promise<Proxy> {
  const requests: Proxy['requests'] = []
  const sockets = new Set<Duplex>()
  const record = ({ method = '', url = '', headers }: IncomingMessage) =>
    requests.push({ method, target: url, authorization: headers['proxy-authorization'] })
  const server = createServer((incoming, answer) => {
    record(incoming)
    if (isSilent) return
    const { pathname, search } = new URL(incoming.url ?? '')
    const { method, headers } = incoming
    const outgoing = request({ port, path: pathname + search, method, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers)
      response.pipe(answer)
    })
    outgoing.on('error', () => answer.destroy())
    incoming.pipe(outgoing)
  })
  server.on('connection', (socket) => sockets.add(socket))
  server.on('connect', (incoming: IncomingMessage, client: Duplex) => {
    record(incoming)
    client.on('error', () => {})
    if (isSilent) return
    const upstream = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      upstream.pipe(client).pipe(upstream)
    })
    sockets.add(upstream.on('error', () => client.destroy()))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    stop: async () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
