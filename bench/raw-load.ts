import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/**
 * Requests per second of one GET over and over, on `connections` connections for some seconds. It writes the same bytes
 * each time and counts bytes that come back, which is as little as a load can cost the cores that it shares with what it
 * measures. Throws when an answer is not 200, or is not as long as the first.
 */
export async function loadRaw(
  url: string,
  connections: number,
  seconds: number,
  headers: Record<string, string> = {},
): Promise<number> {
  const { hostname, port, pathname, host } = new URL(url)
  const lines = Object.entries({ host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
  const request = Buffer.from(`GET ${pathname} HTTP/1.1\r\n${lines.join('')}\r\n`)
  const sockets = Array.from({ length: connections }, () => connect(Number(port), hostname).setNoDelay())
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  const began = performance.now()
  const end = began + seconds * 1000
  const counts = await Promise.all(sockets.map((socket) => repeat(socket, request, end)))
  const elapsed = (performance.now() - began) / 1000
  return counts.reduce((sum, count) => sum + count, 0) / elapsed
}

/** How often a request was answered on one connection, one at a time. */
function repeat(socket: Socket, request: Buffer, end: number): Promise<number> {
  let answers = 0
  let size = 0
  let received = 0
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.on('data', (chunk: Buffer) => {
      if (received === 0 && chunk.toString('latin1', 0, 12) !== 'HTTP/1.1 200')
        return reject(new Error(`an answer that is not 200: ${chunk.toString('latin1', 0, 200)}`))
      // The first answer is small enough to come in one piece.
      size ||= chunk.length
      received += chunk.length
      if (received < size) return
      if (received > size) return reject(new Error('an answer that is longer than the first'))
      received = 0
      answers++
      if (performance.now() < end) {
        socket.write(request)
      } else {
        socket.destroy()
        resolve(answers)
      }
    })
    socket.write(request)
  })
}
