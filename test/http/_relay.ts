import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** A way to a server on which everything can go wrong that goes wrong between a database and its clients. */
export type Relay = {
  url: string
  /** Ends all connections and refuses new ones. */
  cut(): Promise<void>
  /**
   * Goes silent: what is sent arrives nowhere, and nobody is told. New connections are taken, and lead nowhere. With
   * `isMeant` only those connections go silent whose first words are such, and new ones are as before.
   */
  swallow(isMeant?: (hello: string) => boolean): void
  /** Holds every answer back for that many milliseconds. */
  delay(ms: number): void
  /** Lets new connections through again. Those that went silent stay so for ever, as behind a router that forgot them. */
  mend(): Promise<void>
}

/** Relays a free port of the loopback to the host and port of `target`; `url` is `target` by that way. */
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
