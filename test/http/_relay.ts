import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** A TCP relay that simulates the network failures between a database and its clients. */
export type Relay = {
  url: string
  /** Ends all connections and refuses new ones. */
  cut(): Promise<void>
  /**
   * Drops all data without an error. New connections are accepted, and their data is dropped too. With `isMeant`, only
   * open connections with a matching first message are affected, and new connections work as before.
   */
  swallow(isMeant?: (hello: string) => boolean): void
  /** Delays every answer by a number of milliseconds. */
  delay(ms: number): void
  /** Relays new connections again. A silent connection stays silent, as behind a router that dropped its state. */
  mend(): Promise<void>
}

/** Relays a free port of the loopback to the host and port of `target`; `url` is `target` through the relay. */
export async function startRelay(target: string): Promise<Relay> {
  const { hostname, port } = new URL(target)
  const pairs = new Set<{ ends: Socket[]; isSilent: boolean; hello: string }>()
  let isSilent = false
  let held = 0

  const join = (client: Socket): void => {
    const upstream = connect(Number(port), hostname)
    const pair = { ends: [client, upstream], isSilent, hello: '' }
    pairs.add(pair)
    const forward = (from: Socket, to: Socket, wait: () => number) => {
      let sent = Promise.resolve()
      const inTurn = (work: () => void) => {
        const ms = wait()
        sent = sent.then(async () => {
          if (ms > 0) await sleep(ms)
          if (!pair.isSilent) work()
        })
      }
      from.on('error', () => {})
      from.on('data', (chunk) => inTurn(() => to.write(chunk)))
      from.on('close', () => inTurn(() => to.destroy()))
    }
    client.once('data', (chunk) => {
      pair.hello = chunk.toString()
    })
    forward(client, upstream, () => 0)
    forward(upstream, client, () => held)
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
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      for (const { ends } of pairs) for (const socket of ends) socket.destroy()
      pairs.clear()
      await closed
    },
    swallow: (isMeant) => {
      isSilent = isMeant === undefined
      for (const pair of pairs) pair.isSilent ||= isMeant?.(pair.hello) ?? true
    },
    delay: (ms) => {
      held = ms
    },
    mend: async () => {
      isSilent = false
      held = 0
      if (!server.listening) server = await listen(own.port)
    },
  }
}
