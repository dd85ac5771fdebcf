import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** A way to a server that can be cut and mended: what a database outage looks like to its clients. */
export type Relay = { url: string; cut(): Promise<void>; mend(): Promise<void> }

/** Relays a free port of the loopback to the host and port of `target`; `url` is `target` by that way. */
export async function startRelay(target: string): Promise<Relay> {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  const join = (client: Socket): void => {
    const upstream = connect(Number(port), hostname)
    client.pipe(upstream).pipe(client)
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
  }
  const listen = async (at: number): Promise<Server> => {
    const listening = createServer(join).listen(at, '127.0.0.1')
    await once(listening, 'listening')
    return listening
  }

  let server = await listen(0)
  const own = server.address() as AddressInfo
  const url = new URL(target)
  url.host = `127.0.0.1:${own.port}`
  return {
    url: url.href,
    cut: async () => {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
    mend: async () => {
      server = await listen(own.port)
    },
  }
}
