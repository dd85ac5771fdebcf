import { Agent, request } from 'node:http'
import autocannon from 'autocannon'

/** What one run came to: requests per second, and the slowest of a hundred in milliseconds. */
export type Rate = { perSecond: number; p99: number }

export type Post = (path: string, body: object) => Promise<Record<string, string>>

/**
 * Asks one URL over and over on `connections` connections for some seconds, with these headers, or with each of several
 * by turns. Throws when an answer is not 2xx.
 */
export async function loadGet(
  url: string,
  connections: number,
  seconds: number,
  headers: Record<string, string> | Record<string, string>[] = {},
): Promise<Rate> {
  const requests = [headers].flat().map((each) => ({ headers: each }))
  const result = await autocannon({ url, connections, duration: seconds, requests })
  if (result.non2xx + result.errors > 0)
    throw new Error(`${url}: ${result.non2xx} bad answers, ${result.errors} errors`)
  return { perSecond: result.requests.total / result.duration, p99: result.latency.p99 }
}

/** Runs `inFlight` loops of `work` for some seconds; each loop knows its number. */
export async function loadLoops(
  inFlight: number,
  seconds: number,
  work: (loop: number) => Promise<unknown>,
): Promise<Rate> {
  const started = performance.now()
  const end = started + seconds * 1000
  const times: number[] = []
  const run = async (loop: number) => {
    while (performance.now() < end) {
      const begin = performance.now()
      await work(loop)
      times.push(performance.now() - begin)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, (_, loop) => run(loop)))
  const elapsed = (performance.now() - started) / 1000
  times.sort((a, b) => a - b)
  return { perSecond: times.length / elapsed, p99: times[Math.floor(times.length * 0.99)] ?? 0 }
}

/** Posts JSON over kept connections. Throws when the answer is not 200. */
export function createPost(base: string): Post {
  const agent = new Agent({ keepAlive: true, maxSockets: 128 })
  return (path, body) =>
    new Promise((resolve, reject) => {
      const content = JSON.stringify(body)
      const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(content) }
      const outgoing = request(base + path, { method: 'POST', agent, headers }, (incoming) => {
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.on('end', () => {
          const text = Buffer.concat(chunks).toString()
          if (incoming.statusCode === 200) resolve(JSON.parse(text))
          else reject(new Error(`POST ${path}: ${incoming.statusCode} ${text}`))
        })
      })
      outgoing.on('error', reject)
      outgoing.end(content)
    })
}
