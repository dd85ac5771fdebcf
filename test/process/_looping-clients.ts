import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** The clients of a loop: `failures` resolves, after the port is closed, with every other error that a client saw. */
export type LoopingClients = { begun: Promise<unknown>; failures: Promise<unknown[]> }

/**
 * Starts eight clients with kept-alive connections, which send request after request until the port is closed. A client
 * that `moves` leaves when its connection is closed, as a load balancer does that knows another replica.
 */
export function startLoopingClients(url: string, { moves = false } = {}): LoopingClients {
  const clients = Array.from({ length: 8 }, () => startClient(url, moves))
  return {
    begun: Promise.all(clients.map(({ begun }) => begun)),
    failures: Promise.all(clients.map(({ failures }) => failures)).then((all) => all.flat()),
  }
}

function startClient(url: string, moves: boolean) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  let begin = () => {}
  const begun = new Promise<void>((resolve) => {
    begin = resolve
  })
  const ask = () =>
    new Promise<boolean>((resolve, reject) => {
      const req = request(`${url}/providers`, { agent }, (res) => {
        const isLast = res.headers.connection === 'close'
        res
          .on('error', reject)
          .on('end', () => resolve(isLast))
          .resume()
        if (res.statusCode !== 200) reject(new Error(`status ${res.statusCode}`))
      })
      req.on('error', reject).end()
    })
  async function loop(): Promise<unknown[]> {
    const failures: unknown[] = []
    for (;;) {
      try {
        const isLast = await ask()
        begin()
        if (isLast && moves) return failures
        await sleep(1)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') return failures
        failures.push(error)
      }
    }
  }
  return { begun, failures: loop().finally(() => agent.destroy()) }
}
