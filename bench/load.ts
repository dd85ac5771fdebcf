import { type Connection, openConnection, writeRequest } from './connection.ts'

/** The result of one run: requests per second, and the 99th percentile in milliseconds. */
export type Rate = { perSecond: number; p99: number }

export type Post = (path: string, body: object) => Promise<Record<string, string>>

/**
 * Requests one URL repeatedly on `connections` connections for `seconds` seconds, with the headers, or with each of
 * several in turn. Throws when a response is not 200.
 */
export async function loadGet(
  url: string,
  connections: number,
  seconds: number,
  headers: Record<string, string> | Record<string, string>[] = {},
): Promise<Rate> {
  const requests = [headers].flat().map((each) => writeRequest('GET', url, each))
  const open = await Promise.all(Array.from({ length: connections }, () => openConnection(url)))
  let sent = 0
  const rate = await loadLoops(connections, seconds, async (loop) => {
    const request = requests[sent++ % requests.length] as Buffer
    const { status, body } = await (open[loop] as Connection).send(request)
    if (status !== 200) throw new Error(`GET ${url}: ${status} ${body}`)
  })
  for (const connection of open) connection.close()
  return rate
}

/** Runs `inFlight` concurrent loops of `work` for `seconds` seconds; `work` receives the number of its loop. */
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

/** Posts JSON over persistent connections, one for each concurrent request. Throws when a response is not 200. */
export function createPost(base: string): Post {
  let free: Connection[] = []
  return async (path, body) => {
    free = free.filter((connection) => connection.isOpen())
    const connection = free.pop() ?? (await openConnection(base))
    const answer = await connection.send(writeRequest('POST', base + path, {}, body))
    free.push(connection)
    if (answer.status !== 200) throw new Error(`POST ${path}: ${answer.status} ${answer.body}`)
    return JSON.parse(answer.body)
  }
}
