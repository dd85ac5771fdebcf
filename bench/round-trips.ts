import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** A relay to a PostgreSQL server that counts the round trips of its clients. */
export type CountingRelay = { url: string; count(): number; close(): void }

const readyForQuery = 'Z'.charCodeAt(0)

/** Starts a relay. The server ends every round trip with the message ReadyForQuery, so the relay counts these. */
export async function countRoundTrips(databaseUrl: string): Promise<CountingRelay> {
  const target = new URL(databaseUrl)
  const sockets = new Set<Socket>()
  let trips = 0
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname)
    const countReady = createMessageReader((type) => {
      if (type === readyForQuery) trips++
    })
    upstream.on('data', countReady)
    for (const socket of [client, upstream]) sockets.add(socket.setNoDelay().on('error', () => {}))
    client.pipe(upstream).pipe(client)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(databaseUrl)
  url.port = String((server.address() as AddressInfo).port)
  return { url: url.href, count: () => trips, close: () => closeAll(server, sockets) }
}

function closeAll(server: Server, sockets: ReadonlySet<Socket>): void {
  server.close()
  for (const socket of sockets) socket.destroy()
}

/** Returns a function that takes the bytes of a server in chunks, and calls `report` with the type of each message. */
export function createMessageReader(report: (type: number) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0)
  return (chunk) => {
    rest = Buffer.concat([rest, chunk])
    // A message has one byte of type and four bytes of length, which count themselves.
    while (rest.length >= 5 && rest.length > rest.readUInt32BE(1)) {
      report(rest.readUInt8(0))
      rest = rest.subarray(1 + rest.readUInt32BE(1))
    }
  }
}
